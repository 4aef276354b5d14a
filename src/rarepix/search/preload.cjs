'use strict';
// What NNI 3.0's manager (a node program) needs so that its records are true and its door is closed.
//
// Loaded before the manager by  NODE_OPTIONS='--require ".../preload.cjs"'  (see preload.py); NNI's own files stay as they are.
// It hooks classes of NNI 3.0 by file name, so preload.py refuses any other version. In other node programs it does nothing.
//
//   RAREPIX_NNI_HOST    address to listen on (default 127.0.0.1; NNI itself has no option and takes every interface)
//   RAREPIX_NNI_NAMES   further names under which browsers may ask, separated by commas (for a tunnel or a proxy)

const childProcess = require('child_process');
const crypto = require('crypto');
const fs = require('fs');
const http = require('http');
const Module = require('module');
const net = require('net');

const HOST = process.env.RAREPIX_NNI_HOST || '127.0.0.1';
const NAMES = new Set(['localhost', '127.0.0.1', '[::1]', HOST, ...(process.env.RAREPIX_NNI_NAMES || '').split(',')]);
const ALIVE = ['WAITING', 'RUNNING', 'UNKNOWN'];

/** NNI's module → what is done to it as soon as NNI has loaded it. */
const HOOKS = [
    [/(^|\/)v3\/compat$/, (loaded) => {
        bindParameters(loaded.V3asV1.prototype);
        tellTrueEnds(loaded.V3asV1.prototype);
    }],
    [/(^|\/)trial_keeper\/process$|^\.\/process$/, (loaded) => loaded.TrialProcess && endWholeGroups(loaded.TrialProcess.prototype)],
    [/(^|\/)task_scheduler$/, (loaded) => loaded.TaskScheduler && lendTheLastGpu(loaded.TaskScheduler.prototype)],
    [/(^|\/)tuner_command_channel$/, (loaded) => noticeDeadTuner(loaded.getTunerServer())],
];

if (/[\\/]nni_node[\\/]/.test(process.argv[1] || '')) {
    hookModules();
    listenOnOneAddress();
    startTrialsInGroups();
    answerOnlyFriends();
}

function hookModules() {
    const load = Module._load;
    const done = new WeakSet();
    Module._load = function (request) {
        const loaded = load.apply(this, arguments);
        const hook = HOOKS.find(([name]) => name.test(request));
        if (hook && loaded && !done.has(loaded)) {
            done.add(loaded);
            hook[1](loaded);
        }
        return loaded;
    };
}

/** Every server of the manager listens on HOST instead of on every interface. */
function listenOnOneAddress() {
    const listen = net.Server.prototype.listen;
    net.Server.prototype.listen = function (...given) {
        if (typeof given[0] === 'number' && typeof given[1] !== 'string') {
            given.splice(1, 0, HOST);
        } else if (given[0] && typeof given[0] === 'object' && given[0].port !== undefined && !given[0].host) {
            given[0] = { ...given[0], host: HOST };
        }
        return listen.apply(this, given);
    };
}

/**
 * Each trial gets the parameters that the manager recorded for it.
 * NNI keeps them in one queue, from which the trial process that asks first takes the first (microsoft/nni#5726). Here they are
 * put under the trial's id before its process exists. A trial whose process could not be started gives them back.
 */
function bindParameters(service) {
    const submit = service.submitTrialJob;
    service.submitTrialJob = function (form) {
        if (!this.createUnbound) {
            this.createUnbound = this.v3.createTrial.bind(this.v3);
            this.v3.createTrial = (...wanted) => createBound(this, ...wanted);
        }
        return submit.call(this, form);
    };
}

async function createBound(service, environment, command, directory, sequence, id = freshId()) {
    const parameters = service.parameters.shift();          // none waits when a trial is resumed: NNI binds those itself
    if (parameters !== undefined) {
        service.allocatedParameters.set(id, parameters);
    }
    let created = null;
    try {
        created = await service.createUnbound(environment, command, directory, sequence, id);
    } finally {
        if (!created && parameters !== undefined) {
            service.allocatedParameters.delete(id);
            service.parameters.unshift(parameters);
        }
    }
    if (!created) {                                         // no GPU free: NNI asks again at once and would do nothing else any more
        await new Promise((resume) => setTimeout(resume, 1000));
    }
    return created;
}

function freshId() {
    const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';
    return Array.from({ length: 5 }, () => letters[crypto.randomInt(letters.length)]).join('');
}

/**
 * How a trial ended: asked to stop by the search → EARLY_STOPPED, by a person → USER_CANCELED, whatever its exit code says;
 * killed by a signal that nobody sent from here (out of memory, segmentation fault) → FAILED.
 */
function tellTrueEnds(service) {
    const { cancelTrialJob, start } = service;
    service.cancelTrialJob = async function (id, early) {
        const trial = this.trialJobs[id];
        if (!trial || !ALIVE.includes(trial.status)) {      // NNI would relabel a finished trial and drop its result
            if (early) {
                return;
            }
            throw new Error(trial ? `trial ${id} has already ended` : `no trial ${id} in this run`);
        }
        trial.stopAsked = true;
        trial.isEarlyStopped = Boolean(early);              // before the process ends, which is when it is looked at
        await cancelTrialJob.call(this, id, early);
    };
    service.start = function () {
        const onTrialEnd = this.v3.onTrialEnd.bind(this.v3);
        this.v3.onTrialEnd = (callback) => onTrialEnd((id, time, code) => {
            const asked = this.trialJobs[id] && this.trialJobs[id].stopAsked;
            return callback(id, time, asked ? null : code ?? -1);
        });
        return start.call(this);
    };
}

/** A trial's shell becomes the leader of a process group, and does not inherit this file. */
function startTrialsInGroups() {
    const spawn = childProcess.spawn;
    childProcess.spawn = function (command, given, options) {
        const chosen = Array.isArray(given) ? options : given;
        if (chosen && chosen.env && chosen.env.NNI_TRIAL_JOB_ID && chosen.env.NNI_TRIAL_COMMAND_CHANNEL) {
            chosen.detached = true;
            chosen.env.NODE_OPTIONS = (chosen.env.NODE_OPTIONS || '').replace(/--require "[^"]*preload\.cjs"/, '').trim();
        }
        return spawn.apply(this, arguments);
    };
}

/** Stopping a trial stops its data loading workers, pipes and wrapper scripts, too; NNI signals the shell alone. */
function endWholeGroups(trialProcess) {
    const kill = trialProcess.kill;
    trialProcess.kill = function (timeout) {
        const shell = this.proc;
        if (shell && shell.pid && !shell.endsGroup && process.platform !== 'win32') {
            const endShell = shell.kill.bind(shell);
            shell.endsGroup = true;
            shell.kill = (signal) => {
                try {
                    return process.kill(-shell.pid, signal);
                } catch {
                    return endShell(signal);
                }
            };
        }
        return kill.call(this, timeout);
    };
}

/** NNI compares with >= where > is meant: it never lends all GPUs of a machine, so the only one is never used. */
function lendTheLastGpu(scheduler) {
    const schedule = scheduler.schedule;
    scheduler.schedule = function (experiment, trial, wanted, restrictions) {
        const whole = wanted === this.gpus.length;
        return schedule.call(this, experiment, trial, whole ? wanted - 1e-6 : wanted, restrictions);
    };
}

/** A tuner or assessor that raised says goodbye and NNI stays RUNNING for ever; make it an ERROR. */
function noticeDeadTuner(server) {
    const send = server.sendCommand.bind(server);
    let ending = false;
    let pinged = 0;
    server.sendCommand = (type, content) => {
        ending = ending || type === 'TE';
        if (type === 'PI' && !ending && server.channel && Date.now() - pinged > 2000) {
            pinged = Date.now();                            // NNI never sends its pings, but the tuner looks at its errors on each command
            server.channel.send({ type: 'PI', content: '' });
        }
        return send(type, content);
    };
    server.server.onConnection((_id, channel) => channel.onClose(() => {
        if (!ending) {
            server.emitter.emit('error', new Error('the tuner or assessor has ended: see dispatcher.log'));
        }
    }));
}

/** NNI has no login, and whoever can ask it can run programs: answer this machine's user alone. */
function answerOnlyFriends() {
    const emit = http.Server.prototype.emit;
    http.Server.prototype.emit = function (event, request, response) {
        if ((event !== 'request' && event !== 'upgrade') || isFriendly(request)) {
            return emit.apply(this, arguments);
        }
        if (event === 'request') {
            response.statusCode = 403;
            response.end('Forbidden');
        } else {
            request.destroy();
        }
        return true;
    };
}

/** Our own user, a host name of ours (another one is a web page's trick), no way out of a folder, and not NNI's proxy to the internet. */
function isFriendly(request) {
    const { socket } = request;
    if (socket.ofOurUser === undefined) {
        socket.ofOurUser = isOurUser(socket);
    }
    let path;
    try {
        path = decodeURIComponent(request.url);
    } catch {
        return false;
    }
    const name = (request.headers.host || '').replace(/:\d+$/, '');
    return socket.ofOurUser && NAMES.has(name)
        && !/(^|[\\/])\.\.([\\/]|$)/.test(path) && !/^\/+([^/]+\/+)?netron(\/|$)/i.test(path);
}

/**
 * Linux lists the other end of a connection from this machine, with its owner. An end that is not listed is on another machine,
 * which can only reach us if HOST invites it; other systems have no such list.
 */
function isOurUser(socket) {
    if (process.platform !== 'linux') {
        return true;
    }
    const end = (address, port) => address.replace(/^::ffff:/, '').split('.').reverse()
        .map((part) => Number(part).toString(16).padStart(2, '0')).join('').toUpperCase()
        + ':' + port.toString(16).toUpperCase().padStart(4, '0');
    const wanted = `${end(socket.remoteAddress, socket.remotePort)} ${end(socket.localAddress, socket.localPort)} `;
    const table = fs.readFileSync('/proc/net/tcp', 'latin1');
    const at = table.indexOf(wanted);
    if (at < 0) {
        return !HOST.startsWith('127.');
    }
    const owner = table.slice(at, table.indexOf('\n', at)).trim().split(/\s+/)[6];
    return owner === String(process.getuid()) || owner === '0';
}
