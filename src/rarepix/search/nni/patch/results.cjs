'use strict';
// What a trial says: its results in the order in which it sent them, then its end.

/** Key of a final result that is no score: the trial's record, packed into text (see essence.py). */
const RECORD = 'record';

const storing = new Map();

/** A trial's results are stored, and told to the tuner, one after the other; NNI stores them all at once. */
function storeInOrder(manager) {
    const store = manager.onTrialJobMetrics;
    manager.onTrialJobMetrics = function (metric) {
        const stored = allStored(metric.id).then(() => store.call(this, metric));
        const settled = stored.catch(() => undefined).then(() => {
            if (storing.get(metric.id) === settled) {
                storing.delete(metric.id);
            }
        });
        storing.set(metric.id, settled);
        return stored;
    };
}

/** Resolves as soon as all results that trial *id* has sent are stored and told. */
function allStored(id) {
    return storing.get(id) ?? Promise.resolve();
}

/** The web UI shows whatever is in a final result as a score. Whoever wants the record asks for metrics, not for trials. */
function showScoresAlone(manager) {
    const { listTrialJobs, getTrialJob } = manager;
    manager.listTrialJobs = async function () {
        return (await listTrialJobs.apply(this, arguments)).map(withScoresAlone);
    };
    manager.getTrialJob = async function () {
        return withScoresAlone(await getTrialJob.apply(this, arguments));
    };
}

function withScoresAlone(job) {
    return job && job.finalMetricData ? { ...job, finalMetricData: job.finalMetricData.map(withoutRecord) } : job;
}

/** NNI keeps a result as JSON in JSON. */
function withoutRecord(result) {
    try {
        const { [RECORD]: record, ...scores } = JSON.parse(JSON.parse(result.data));
        return record === undefined ? result : { ...result, data: JSON.stringify(JSON.stringify(scores)) };
    } catch {
        return result;                                       // a plain number, or what no trial of ours has sent
    }
}

module.exports = { storeInOrder, allStored, showScoresAlone };
