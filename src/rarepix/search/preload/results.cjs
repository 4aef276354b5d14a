'use strict';
// The order of what a trial says: its results as it sent them, then its end.

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

module.exports = { storeInOrder, allStored };
