'use strict';
// The parameters that each trial gets.

const crypto = require('crypto');

/**
 * Each trial gets the parameters that the manager recorded for it.
 * Plain NNI keeps them in one queue, from which the process that asks first takes the first (microsoft/nni#5726). Here they are
 * stored under the trial's id before its process exists. If the process cannot be started, they go back to the queue.
 */
function bindParameters(service) {
    const submit = service.submitTrialJob;
    service.submitTrialJob = function (form) {
        if (!this.createUnbound) {
            this.createUnbound = this.v3.createTrial.bind(this.v3);
            this.v3.createTrial = (...given) => createBound(this, ...given);
        }
        return submit.call(this, form);
    };
}

async function createBound(service, environment, command, directory, sequence, id = freshId()) {
    const parameters = service.parameters.shift();          // undefined when a trial is resumed: NNI binds those itself
    if (parameters !== undefined) {
        service.allocatedParameters.set(id, parameters);
    }
    let created = null;
    try {
        created = await service.createUnbound(environment, command, directory, sequence, id);
    } finally {
        if (!created && parameters !== undefined) {
            service.allocatedParameters.delete(id);
            service.parameters.unshift(parameters);
        }
    }
    if (!created) {                                         // no GPU is free, and NNI retries at once, for ever: wait
        await new Promise((resolve) => setTimeout(resolve, 1000));
    }
    return created;
}

function freshId() {
    const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';
    return Array.from({ length: 5 }, () => letters[crypto.randomInt(letters.length)]).join('');
}

module.exports = { bindParameters };
