'use strict';
// Trials of a resumed study, as they are taken over from the database.

/**
 * Numbers of new trials continue after the last one; plain NNI starts again at 1 unless a trial was running.
 * A trial that waited to be run again when its manager was killed once more is run again; plain NNI forgets it.
 */
function resumeTrials(manager) {
    const recover = manager.addRecoveredTrialJob;
    manager.addRecoveredTrialJob = function (trials) {
        const count = recover.call(this, trials.map((trial) => (
            trial.status === 'ADD_RESUMED' ? { ...trial, status: 'WAITING' } : trial
        )));
        const last = trials.reduce((highest, trial) => Math.max(highest, trial.sequenceId ?? -1), -1);
        this.experimentProfile.nextSequenceId = last + 1;
        return count;
    };
}

/**
 * Of a trial that was run again, only the results of the last attempt are shown. With earlier ones among them its curve would be drawn
 * twice, and the first final result would count. The database keeps them all.
 */
function showLatestAttempt(store) {
    const { getMetricData } = store;
    store.getMetricData = async function (id, type) {
        const resumed = await this.db.queryTrialJobEvent(id, 'ADD_RESUMED');
        const since = new Map();
        for (const { trialJobId, timestamp } of resumed) {
            since.set(trialJobId, Math.max(timestamp, since.get(trialJobId) ?? 0));
        }
        const results = await getMetricData.call(this, id, type);
        return results.filter((result) => result.timestamp >= (since.get(result.trialJobId) ?? 0));
    };
}

module.exports = { resumeTrials, showLatestAttempt };
