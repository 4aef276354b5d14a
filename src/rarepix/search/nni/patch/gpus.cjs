'use strict';

/** NNI compares with >= where > is meant: it never lends all GPUs of a machine, so the only one is never used. */
function lendTheLastGpu(scheduler) {
    const schedule = scheduler.schedule;
    scheduler.schedule = function (experiment, trial, wanted, restrictions) {
        const whole = wanted === this.gpus.length;
        return schedule.call(this, experiment, trial, whole ? wanted - 1e-6 : wanted, restrictions);
    };
}

module.exports = { lendTheLastGpu };
