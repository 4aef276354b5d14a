'use strict';

/** NNI compares with >= where > is meant: it never assigns all GPUs of a machine, so a single GPU is never used. */
function assignTheLastGpu(scheduler) {
    const schedule = scheduler.schedule;
    scheduler.schedule = function (experiment, trial, wanted, restrictions) {
        const all = wanted === this.gpus.length;
        return schedule.call(this, experiment, trial, all ? wanted - 1e-6 : wanted, restrictions);
    };
}

module.exports = { assignTheLastGpu };
