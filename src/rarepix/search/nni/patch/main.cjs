'use strict';
// Corrections of NNI 3.0's manager (a node program): its records become right, and only its user can reach it.
//
// NODE_OPTIONS='--require ".../patch/main.cjs"' loads this file before the manager (see install_patch.py); NNI's own files stay as
// they are. It replaces methods of NNI 3.0, found by file name, so install_patch.py refuses any other version. In other node programs it
// does nothing.
//
//   RAREPIX_NNI_HOST      address to listen on (default 127.0.0.1; NNI itself has no option and takes every interface)
//   RAREPIX_NNI_NAMES     further host names, separated by commas, that requests of this machine (through a proxy) and of others may use
//   RAREPIX_NNI_PRELOAD   set here, for the tuner and the trials: this patch is in force

const Module = require('module');

const bindHost = require('./bind_host.cjs');
const gpus = require('./gpus.cjs');
const machines = require('./machines.cjs');
const parameters = require('./parameters.cjs');
const processes = require('./processes.cjs');
const remoteRunner = require('./remote_runner.cjs');
const results = require('./results.cjs');
const resume = require('./resume.cjs');
const run = require('./run.cjs');
const tensorboard = require('./tensorboard.cjs');
const trialEnd = require('./trial_end.cjs');
const tuner = require('./tuner.cjs');

/** Module of NNI → how it is changed as soon as NNI has loaded it. machines.cjs and remote_runner.cjs have rows of their own. */
const HOOKS = [
    [/^\.\/rest$/, (loaded) => loaded.RestManager && run.checkWebSockets(loaded.RestManager.prototype)],
    [/command_channel\/http$/, (loaded) => run.checkTrialRequests(loaded.HttpChannelServer.prototype)],
    [/command_channel\/websocket(\/index)?$/, (loaded) => run.tagRunnerAddress(loaded.WsChannelServer.prototype)],
    [/core\/nniDataStore$/, (loaded) => resume.showLatestAttempt(loaded.NNIDataStore.prototype)],
    [/core\/nnimanager$/, (loaded) => {
        results.storeInOrder(loaded.NNIManager.prototype);
        results.hideRecords(loaded.NNIManager.prototype);
        resume.resumeTrials(loaded.NNIManager.prototype);
    }],
    [/v3\/compat$/, (loaded) => {
        parameters.bindParameters(loaded.V3asV1.prototype);
        trialEnd.correctStatus(loaded.V3asV1.prototype);
        tensorboard.findTrialLogs(loaded.V3asV1.prototype);
    }],
    [/\/tuner_command_channel$/, (loaded) => {
        tuner.allowSlowStart(loaded.getTunerServer());
        tuner.detectDeadTuner(loaded.getTunerServer());
        trialEnd.sendExitCodes(loaded.getTunerServer());
    }],
    [/^\.\/process$/, (loaded) => loaded.TrialProcess && processes.endProcessGroups(loaded.TrialProcess.prototype)],
    [/^\.\/task_scheduler$/, (loaded) => loaded.TaskScheduler && gpus.assignTheLastGpu(loaded.TaskScheduler.prototype)],
    [/extensions\/nniTensorboardManager$/, (loaded) => tensorboard.listenOnLoopback(loaded.NNITensorboardManager.prototype)],
    ...remoteRunner.HOOKS,
    ...machines.HOOKS,
];

/**
 * A remote runner may load this patch twice: first as the manager uploaded it, then as it is installed there. The first one sets this.
 * (The two may be of different versions, so the symbol keeps its name.)
 */
const LOADED = Symbol.for('rarepix.preload');

if (/[\\/]nni_node[\\/]/.test(process.argv[1] || '') && !process[LOADED]) {
    process[LOADED] = true;
    process.env.RAREPIX_NNI_PRELOAD = '1';
    hookModules();
    bindHost.listenOnOneAddress();
    bindHost.refuseForeignRequests();
    processes.startTrialsInGroups();
    tuner.watchTuner();
}

function hookModules() {
    const load = Module._load;
    const done = new WeakSet();
    Module._load = function (request) {
        const loaded = load.apply(this, arguments);
        const hooks = HOOKS.filter(([name]) => name.test(request));
        if (hooks.length && Object(loaded) === loaded && !done.has(loaded)) {
            done.add(loaded);
            hooks.forEach(([, correct]) => correct(loaded));
        }
        return loaded;
    };
}
