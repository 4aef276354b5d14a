'use strict';
// The results that a trial reports: kept in the order in which it sent them.

/** Key of a final result that is no score but the trial's record as text (see trial_io.py). */
const RECORD_KEY = 'record';

const storing = new Map();

/** Stores a trial's results, and sends them to the tuner, one after the other; plain NNI does so in any order. */
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

/** Resolves as soon as all results of trial *id* are stored and sent to the tuner. */
function allStored(id) {
    return storing.get(id) ?? Promise.resolve();
}

/** The web UI shows everything in a final result as a score, so trials are listed without records; the metrics contain them. */
function hideRecords(manager) {
    const { listTrialJobs, getTrialJob } = manager;
    manager.listTrialJobs = async function () {
        return (await listTrialJobs.apply(this, arguments)).map(withScoresOnly);
    };
    manager.getTrialJob = async function () {
        return withScoresOnly(await getTrialJob.apply(this, arguments));
    };
}

function withScoresOnly(job) {
    return job && job.finalMetricData ? { ...job, finalMetricData: job.finalMetricData.map(withoutRecord) } : job;
}

/** NNI keeps a result as JSON in JSON. */
function withoutRecord(result) {
    try {
        const { [RECORD_KEY]: record, ...scores } = JSON.parse(JSON.parse(result.data));
        return record === undefined ? result : { ...result, data: JSON.stringify(JSON.stringify(scores)) };
    } catch {
        return result;                                       // a plain number, or a report that is not of rarepix
    }
}

module.exports = { storeInOrder, allStored, hideRecords };
