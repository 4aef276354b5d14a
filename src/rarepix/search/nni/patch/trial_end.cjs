'use strict';
// The end of a trial: its status in the database, the web UI and for the tuner.

const { allStored } = require('./results.cjs');

const BUSY = ['WAITING', 'RUNNING', 'UNKNOWN'];
const exitCodes = new Map();

/**
 * A trial that the search stopped is EARLY_STOPPED, one that a person stopped USER_CANCELED, whatever its exit code. A trial that was
 * killed by a signal of somebody else (out of memory, segmentation fault), or lost with its machine, is FAILED.
 */
function correctStatus(service) {
    const { cancelTrialJob, start } = service;
    service.cancelTrialJob = async function (id, early) {
        const trial = this.trialJobs[id];
        if (!trial || !BUSY.includes(trial.status)) {      // plain NNI relabels a finished trial and drops its result
            if (early) {
                return;
            }
            throw new Error(trial ? `trial ${id} has already ended` : `no trial ${id} in this run`);
        }
        trial.stopRequested = true;
        trial.isEarlyStopped = Boolean(early);              // set now, because NNI reads it when the process ends
        await cancelTrialJob.call(this, id, early);
    };
    service.start = function () {
        const onTrialEnd = this.v3.onTrialEnd.bind(this.v3);
        this.v3.onTrialEnd = (callback) => onTrialEnd(async (id, time, code) => {
            await allStored(id);
            const trial = this.trialJobs[id];
            if (!BUSY.includes(trial.status)) {            // NNI reports finished trials of a lost machine once more
                return;
            }
            exitCodes.set(id, code);
            await callback(id, time, trial.stopRequested ? null : code ?? -1);
        });
        return start.call(this);
    };
}

/** Adds the exit code of the trial's process to the message for the tuner; null: a signal ended it, or its machine was lost. */
function sendExitCodes(server) {
    const send = server.sendCommand.bind(server);
    server.sendCommand = (type, content) => send(type, type === 'EN' ? withExitCode(content) : content);
}

function withExitCode(content) {
    const end = JSON.parse(content);
    return JSON.stringify({ ...end, exit_code: exitCodes.get(end.trial_job_id) ?? null });
}

module.exports = { correctStatus, sendExitCodes };
