'use strict';
// What NNI 3.0's manager (a node program) needs so that its records are true and its door is closed.
//
// Loaded before the manager by  NODE_OPTIONS='--require ".../preload/main.cjs"'  (see preload.py); NNI's own files stay as they are.
// It hooks classes of NNI 3.0 by file name, so preload.py refuses any other version. In other node programs it does nothing.
//
//   RAREPIX_NNI_HOST      address to listen on (default 127.0.0.1; NNI itself has no option and takes every interface)
//   RAREPIX_NNI_NAMES     further names, separated by commas, under which this machine (through a proxy) and other machines may ask
//   RAREPIX_NNI_PRELOAD   set here, for the tuner and the trials: these corrections are in force

const Module = require('module');

const door = require('./bind_host.cjs');
const ends = require('./trial_end.cjs');
const gpus = require('./gpus.cjs');
const keepers = require('./remote_runner.cjs');
const machines = require('./machines.cjs');
const parameters = require('./parameters.cjs');
const processes = require('./processes.cjs');
const results = require('./results.cjs');
const resume = require('./resume.cjs');
const run = require('./run.cjs');
const tensorboard = require('./tensorboard.cjs');
const tuner = require('./tuner.cjs');

/** NNI's module → what is done to it as soon as NNI has loaded it. Many machines have their own rows in machines.cjs. */
const HOOKS = [
    [/^\.\/rest$/, (loaded) => loaded.RestManager && run.connectOwnProcesses(loaded.RestManager.prototype)],
    [/command_channel\/http$/, (loaded) => run.answerOwnTrials(loaded.HttpChannelServer.prototype)],
    [/command_channel\/websocket(\/index)?$/, (loaded) => run.inviteOwnKeepers(loaded.WsChannelServer.prototype)],
    [/core\/nniDataStore$/, (loaded) => resume.showLatestAttempt(loaded.NNIDataStore.prototype)],
    [/core\/nnimanager$/, (loaded) => {
        results.storeInOrder(loaded.NNIManager.prototype);
        results.showScoresAlone(loaded.NNIManager.prototype);
        resume.goOn(loaded.NNIManager.prototype);
    }],
    [/v3\/compat$/, (loaded) => {
        parameters.bindParameters(loaded.V3asV1.prototype);
        ends.tellTrueEnds(loaded.V3asV1.prototype);
        tensorboard.lookWhereTrialsWrite(loaded.V3asV1.prototype);
    }],
    [/\/tuner_command_channel$/, (loaded) => {
        tuner.allowSlowStart(loaded.getTunerServer());
        tuner.noticeDeadTuner(loaded.getTunerServer());
        ends.tellExitCodes(loaded.getTunerServer());
    }],
    [/^\.\/process$/, (loaded) => loaded.TrialProcess && processes.endWholeGroups(loaded.TrialProcess.prototype)],
    [/^\.\/task_scheduler$/, (loaded) => loaded.TaskScheduler && gpus.lendTheLastGpu(loaded.TaskScheduler.prototype)],
    [/extensions\/nniTensorboardManager$/, (loaded) => tensorboard.listenHereOnly(loaded.NNITensorboardManager.prototype)],
    ...keepers.HOOKS,
    ...machines.HOOKS,
];

/** A keeper on another machine may be given this folder twice: as the manager sent it, which comes first, and as it is installed there. */
const FORCE = Symbol.for('rarepix.preload');

if (/[\\/]nni_node[\\/]/.test(process.argv[1] || '') && !process[FORCE]) {
    process[FORCE] = true;
    process.env.RAREPIX_NNI_PRELOAD = '1';
    hookModules();
    door.listenOnOneAddress();
    door.answerOnlyFriends();
    processes.startTrialsInGroups();
    tuner.startOwnTuner();
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
