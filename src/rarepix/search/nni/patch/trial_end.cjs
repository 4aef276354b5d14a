'use strict';
// How a trial ended, as told to the tuner, the database and the web UI.

const { allStored } = require('./results.cjs');

const ALIVE = ['WAITING', 'RUNNING', 'UNKNOWN'];
const exitCodes = new Map();

/**
 * How a trial ended: asked to stop by the search → EARLY_STOPPED, by a person → USER_CANCELED, whatever its exit code says;
 * killed by a signal that nobody sent from here (out of memory, segmentation fault), or lost with its machine → FAILED.
 */
function tellTrueEnds(service) {
    const { cancelTrialJob, start } = service;
    service.cancelTrialJob = async function (id, early) {
        const trial = this.trialJobs[id];
        if (!trial || !ALIVE.includes(trial.status)) {      // NNI would relabel a finished trial and drop its result
            if (early) {
                return;
            }
            throw new Error(trial ? `trial ${id} has already ended` : `no trial ${id} in this run`);
        }
        trial.stopAsked = true;
        trial.isEarlyStopped = Boolean(early);              // before the process ends, which is when it is looked at
        await cancelTrialJob.call(this, id, early);
    };
    service.start = function () {
        const onTrialEnd = this.v3.onTrialEnd.bind(this.v3);
        this.v3.onTrialEnd = (callback) => onTrialEnd(async (id, time, code) => {
            await allStored(id);
            const trial = this.trialJobs[id];
            if (!ALIVE.includes(trial.status)) {            // a lost machine's finished trials are said to have ended again
                return;
            }
            exitCodes.set(id, code);
            await callback(id, time, trial.stopAsked ? null : code ?? -1);
        });
        return start.call(this);
    };
}

/** The tuner is told the exit code of the trial's process; null: a signal ended it, or its machine was lost. */
function tellExitCodes(server) {
    const send = server.sendCommand.bind(server);
    server.sendCommand = (type, content) => send(type, type === 'EN' ? withExitCode(content) : content);
}

function withExitCode(content) {
    const end = JSON.parse(content);
    return JSON.stringify({ ...end, exit_code: exitCodes.get(end.trial_job_id) ?? null });
}

module.exports = { tellTrueEnds, tellExitCodes };
