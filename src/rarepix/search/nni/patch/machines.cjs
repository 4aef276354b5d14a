'use strict';
// Studies on several machines (NNI's remote training service): losing a machine costs its running trials and no more.
//
// The manager reaches a machine by SSH and starts a remote runner there (NNI's trial keeper), which connects back and runs the trials.
// Plain NNI waits for ever for an answer of a machine that is lost, and ends itself when one of several cannot be reached.
//
//   RAREPIX_NNI_RETRY_SECONDS   seconds between two attempts to reach a lost machine again (default 60)

const fs = require('fs');
const path = require('path');

const callback = require('./callback.cjs');
const { LOST_TIMEOUT } = require('./remote_runner.cjs');

const RETRY = 1000 * (Number(process.env.RAREPIX_NNI_RETRY_SECONDS) || 60);
const STOP_TIMEOUT = 15000;                                 // for the remote runners to end their trials, which takes NNI up to five seconds
const NNI_VERSION = '3.0';

const numbers = new WeakMap();                              // entry of machineList → its index there, counted from 1
let tarball = null;                                         // NNI's module of that name

/** Rows of the table in main.cjs. */
const HOOKS = [
    [/(^|\/)tarball$/, (loaded) => { tarball = loaded; }],
    [/^ssh2$/, (loaded) => detectLostSsh(loaded.Client.prototype)],
    [/^\.\/ssh$/, (loaded) => loaded.Ssh && keepInstalledNni(loaded.Ssh.prototype)],
    [/^\.\/worker$/, (loaded) => loaded.Worker && startRunnerWithPatch(loaded.Worker.prototype)],
    [/^\.\/remote$/, (loaded) => loaded.RemoteTrainingServiceV3 && surviveLostMachines(loaded.RemoteTrainingServiceV3.prototype)],
];

/** Machines that cannot be reached are left out and tried again later; the running trials of a lost machine have failed. */
function surviveLostMachines(service) {
    const { createTrial, launchWorker, sendParameter, stop, uploadDirectory } = service;

    service.start = async function () {
        this.running = new Set();                           // trials that have not ended
        this.retrying = new Set();                            // machines that are being retried
        this.emitter.on('trial_stop', (trial) => this.running.delete(trial));
        this.server.on('connection', (id, channel) => this.workersByChannel.has(id) || channel.close('this remote runner was given up'));
        this.lastWorkerIndex = Date.now();                  // part of channel names, so that a runner of an earlier manager does not match
        await this.server.start();
        const machines = this.config.machineList;
        machines.forEach((machine, index) => numbers.set(machine, index + 1));
        const launched = await Promise.allSettled(machines.map((machine) => this.launchWorker(machine)));
        if (launched.every(({ status }) => status === 'rejected')) {
            throw launched[0].reason;
        }
        launched.forEach(({ status }, index) => status === 'rejected' && this.retryMachine(machines[index]));
        this.workers.forEach((worker) => { worker.ready = true; });
        return this.workers.map((worker) => worker.env);
    };

    service.uploadDirectory = async function (name, folder) {
        const workers = [...this.workers];
        await uploadDirectory.call(this, name, folder);     // drops the workers that could not take it
        workers.filter((worker) => !this.workers.includes(worker)).forEach((worker) => this.retryMachine(worker.config));
    };

    service.launchWorker = async function (machine) {
        try {
            return await launchWorker.call(this, machine);
        } catch (error) {
            this.log.error(`Cannot use machine ${machine.host}:${machine.port}:`, error);
            this.workers.filter((worker) => worker.config === machine).forEach((worker) => this.stopWorker(worker, false));
            throw error;
        }
    };

    service.restartWorker = function (worker) {
        if (this.stopping || !worker.ready || !this.workers.includes(worker)) {
            return;                                         // a worker that is being launched fails by its unanswered requests
        }
        this.log.error(`Machine ${worker.config.host}:${worker.config.port} is lost, its running trials with it`);
        this.stopWorker(worker, true);
        this.retryMachine(worker.config, 0);
    };

    service.stopWorker = function (lost, announce) {
        this.workers = this.workers.filter((worker) => worker !== lost);
        this.workersByChannel.delete(lost.channelId);
        this.workersByEnv.delete(lost.envId);
        if (announce) {
            this.emitEnvUpdate();
        }
        for (const [trial, worker] of this.workersByTrial) {
            if (worker === lost && this.running.has(trial)) {
                this.emitter.emit('trial_stop', trial, Date.now(), null);
            }
        }
        lost.ssh.disconnect();
    };

    service.retryMachine = async function (machine, wait = RETRY) {
        if (this.retrying.has(machine)) {
            return;
        }
        this.retrying.add(machine);
        for (let delay = wait; !this.stopping; delay = RETRY) {
            await sleep(delay);
            try {
                const worker = await this.launchWorker(machine);
                await this.sendCode(worker);
                break;
            } catch (error) {
                this.log.warning(`Machine ${machine.host}:${machine.port} is tried again in ${RETRY / 1000} s`);
            }
        }
        this.retrying.delete(machine);
    };

    service.sendCode = async function (worker) {
        try {
            for (const name of this.uploadedDirs) {
                await worker.upload(name, tarball.getTarballPath(name));
            }
        } catch (error) {
            this.stopWorker(worker, false);
            throw error;
        }
        worker.ready = true;
        this.emitEnvUpdate();
        this.log.info(`Machine ${worker.config.host}:${worker.config.port} is used again`);
    };

    service.emitEnvUpdate = function () {                   // NNI would include machines that have no code yet
        this.emitter.emit('env_update', this.workers.filter((worker) => worker.ready).map((worker) => worker.env));
    };

    service.createTrial = async function (...parameters) {
        const trial = await createTrial.apply(this, parameters);
        if (trial) {
            this.running.add(trial);
        }
        return trial;
    };

    service.sendParameter = function (...parameters) {      // NNI ignores its failure, and an unhandled one ends node
        return sendParameter.apply(this, parameters).catch((error) => this.log.error('Cannot send parameters:', error));
    };

    service.stop = async function () {
        this.stopping = true;
        await Promise.race([stop.call(this), sleep(STOP_TIMEOUT)]);
    };
}

function startRunnerWithPatch(worker) {
    const { launchTrialKeeperDaemon } = worker;

    /** A machine that comes back keeps its name, so its trials find their folders, and a resumed study its machines. */
    Object.defineProperty(worker, 'envId', { get() {
        return `${this.trainingServiceId}-worker${numbers.get(this.config)}`;
    } });

    worker.launchTrialKeeperDaemon = async function () {
        const folder = `${await this.ssh.run('printenv HOME')}/nni-experiments/${global.nni.args.experimentId}/patch`;
        await this.ssh.run(`mkdir -p '${folder}'`);
        for (const name of fs.readdirSync(__dirname).filter((name) => name.endsWith('.cjs'))) {
            await this.ssh.upload(path.join(__dirname, name), `${folder}/${name}`);
        }
        this.ssh.variables = `NODE_OPTIONS='--require "${folder}/main.cjs"' RAREPIX_NNI_LOST_SECONDS=${LOST_TIMEOUT / 1000}`;
        this.channelUrl = await callback.throughSsh(this.ssh, this.channelUrl);
        await launchTrialKeeperDaemon.call(this);
    };

    /** Whether the remote runner runs. Where the machine does not answer, the heartbeat timeout of the channel decides. */
    worker.checkAlive = async function () {
        const check = `${this.python} -m nni.tools.nni_manager_scripts.check_trial_keeper_alive ${this.remoteTrialKeeperDir}`;
        try {
            return JSON.parse(await this.ssh.run(check)).alive;
        } catch {
            return true;
        }
    };
}

/** Plain NNI upgrades itself on every machine, and with it the packages that the trials need. */
function keepInstalledNni(ssh) {
    const { exec, run, sftp } = ssh;
    ssh.run = async function (command) {
        if (command.endsWith('-m pip install nni --upgrade')) {
            return '';
        }
        const output = await run.call(this, command);
        if (command.includes('print(nni.__version__)') && output !== NNI_VERSION) {
            throw new Error(`${this.config.host} must have nni ${NNI_VERSION} exactly, but has ${output}: pip install nni==${NNI_VERSION}`);
        }
        return output;
    };
    ssh.exec = async function (command) {
        await connected(this);
        return exec.call(this, this.variables ? `${this.variables} ${command}` : command);
    };
    ssh.sftp = async function () {
        await connected(this);
        return sftp.call(this);
    };
}

async function connected(ssh) {
    if (ssh.client && ssh.client.isLost) {
        ssh.disconnect();
        await ssh.connect();
        await callback.reopen(ssh);
    }
}

/** Without keep-alives a request to a lost machine never ends; without a listener its error would end the manager. */
function detectLostSsh(client) {
    const connect = client.connect;
    client.connect = function (options) {
        this.on('error', () => { this.isLost = true; });
        this.on('close', () => { this.isLost = true; });
        return connect.call(this, { keepaliveInterval: LOST_TIMEOUT / 6, keepaliveCountMax: 6, ...options });
    };
}

const sleep = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

module.exports = { HOOKS };
