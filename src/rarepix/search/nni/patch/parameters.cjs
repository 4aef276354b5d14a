'use strict';
// Which trial gets which parameters.

const crypto = require('crypto');

/**
 * Each trial gets the parameters that the manager recorded for it.
 * NNI keeps them in one queue, from which the trial process that asks first takes the first (microsoft/nni#5726). Here they are
 * put under the trial's id before its process exists. A trial whose process could not be started gives them back.
 */
function bindParameters(service) {
    const submit = service.submitTrialJob;
    service.submitTrialJob = function (form) {
        if (!this.createUnbound) {
            this.createUnbound = this.v3.createTrial.bind(this.v3);
            this.v3.createTrial = (...wanted) => createBound(this, ...wanted);
        }
        return submit.call(this, form);
    };
}

async function createBound(service, environment, command, directory, sequence, id = freshId()) {
    const parameters = service.parameters.shift();          // none waits when a trial is resumed: NNI binds those itself
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
    if (!created) {                                         // no GPU free: NNI asks again at once and would do nothing else any more
        await new Promise((resume) => setTimeout(resume, 1000));
    }
    return created;
}

function freshId() {
    const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';
    return Array.from({ length: 5 }, () => letters[crypto.randomInt(letters.length)]).join('');
}

module.exports = { bindParameters };
