'use strict';
// What a resumed study takes over from the database.

/**
 * Trial numbers go on; NNI starts again at 1 unless a trial was running.
 * A trial that waited to run again when its manager was killed once more is not forgotten.
 */
function goOn(manager) {
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
 * A trial that runs again shows the results of this attempt alone: with the earlier ones among them its curve would be drawn twice
 * over, and the first final result would win. The database keeps them all.
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

module.exports = { goOn, showLatestAttempt };
