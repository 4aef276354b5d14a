'use strict';
// Many machines (NNI's remote training service): one that is lost costs its running trials and no more.
//
// The manager reaches a machine by SSH and starts a keeper there, which calls back and runs the trials. NNI waits for ever for
// an answer of a machine that is gone, and ends itself when one of several cannot be reached.
//
//   RAREPIX_NNI_RETRY_SECONDS   how often a machine that is lost is tried again (default 60)

const fs = require('fs');
const path = require('path');

const callback = require('./callback.cjs');
const { LOST } = require('./remote_runner.cjs');

const RETRY = 1000 * (Number(process.env.RAREPIX_NNI_RETRY_SECONDS) || 60);
const STOP = 15000;                                         // for the keepers to end their trials, which takes NNI up to five seconds
const NNI = '3.0';

const numbers = new WeakMap();                              // a machine's entry in machineList → its place there, counted from 1
let tarball = null;                                         // NNI's module of that name

/** Rows of the table in main.cjs. */
const HOOKS = [
    [/(^|\/)tarball$/, (loaded) => { tarball = loaded; }],
    [/^ssh2$/, (loaded) => noticeDeadSsh(loaded.Client.prototype)],
    [/^\.\/ssh$/, (loaded) => loaded.Ssh && leaveEnvironmentAlone(loaded.Ssh.prototype)],
    [/^\.\/worker$/, (loaded) => loaded.Worker && startKeeperWithUs(loaded.Worker.prototype)],
    [/^\.\/remote$/, (loaded) => loaded.RemoteTrainingServiceV3 && outliveMachines(loaded.RemoteTrainingServiceV3.prototype)],
];

/** Machines that cannot be reached are left out and tried again; what ran on a machine that is lost has failed. */
function outliveMachines(service) {
    const { createTrial, launchWorker, sendParameter, stop, uploadDirectory } = service;

    service.start = async function () {
        this.running = new Set();                           // trials that have not ended
        this.trying = new Set();                            // machines that are tried again
        this.emitter.on('trial_stop', (trial) => this.running.delete(trial));
        this.server.on('connection', (id, channel) => this.workersByChannel.has(id) || channel.close('this keeper was given up'));
        this.lastWorkerIndex = Date.now();                  // names channels: a keeper of an earlier manager must not be taken for one of ours
        await this.server.start();
        const machines = this.config.machineList;
        machines.forEach((machine, index) => numbers.set(machine, index + 1));
        const launched = await Promise.allSettled(machines.map((machine) => this.launchWorker(machine)));
        if (launched.every(({ status }) => status === 'rejected')) {
            throw launched[0].reason;
        }
        launched.forEach(({ status }, index) => status === 'rejected' && this.tryAgain(machines[index]));
        this.workers.forEach((worker) => { worker.ready = true; });
        return this.workers.map((worker) => worker.env);
    };

    service.uploadDirectory = async function (name, folder) {
        const workers = [...this.workers];
        await uploadDirectory.call(this, name, folder);     // drops the workers that could not take it
        workers.filter((worker) => !this.workers.includes(worker)).forEach((worker) => this.tryAgain(worker.config));
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
            return;                                         // one that is being launched ends by its unanswered questions
        }
        this.log.error(`Machine ${worker.config.host}:${worker.config.port} is lost, its running trials with it`);
        this.stopWorker(worker, true);
        this.tryAgain(worker.config, 0);
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

    service.tryAgain = async function (machine, wait = RETRY) {
        if (this.trying.has(machine)) {
            return;
        }
        this.trying.add(machine);
        for (let pause = wait; !this.stopping; pause = RETRY) {
            await sleep(pause);
            try {
                const worker = await this.launchWorker(machine);
                await this.sendCode(worker);
                break;
            } catch (error) {
                this.log.warning(`Machine ${machine.host}:${machine.port} is tried again in ${RETRY / 1000} s`);
            }
        }
        this.trying.delete(machine);
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

    service.emitEnvUpdate = function () {                   // NNI also names machines that have no code yet
        this.emitter.emit('env_update', this.workers.filter((worker) => worker.ready).map((worker) => worker.env));
    };

    service.createTrial = async function (...wanted) {
        const trial = await createTrial.apply(this, wanted);
        if (trial) {
            this.running.add(trial);
        }
        return trial;
    };

    service.sendParameter = function (...wanted) {          // nobody looks whether it fails, and node ends itself for that
        return sendParameter.apply(this, wanted).catch((error) => this.log.error('Cannot send parameters:', error));
    };

    service.stop = async function () {
        this.stopping = true;
        await Promise.race([stop.call(this), sleep(STOP)]);
    };
}

function startKeeperWithUs(worker) {
    const { launchTrialKeeperDaemon } = worker;

    /** A machine keeps its name when it comes back: its trials find their folders, a resumed study its machines. */
    Object.defineProperty(worker, 'envId', { get() {
        return `${this.trainingServiceId}-worker${numbers.get(this.config)}`;
    } });

    worker.launchTrialKeeperDaemon = async function () {
        const folder = `${await this.ssh.run('printenv HOME')}/nni-experiments/${global.nni.args.experimentId}/preload`;
        await this.ssh.run(`mkdir -p '${folder}'`);
        for (const name of fs.readdirSync(__dirname).filter((name) => name.endsWith('.cjs'))) {
            await this.ssh.upload(path.join(__dirname, name), `${folder}/${name}`);
        }
        this.ssh.variables = `NODE_OPTIONS='--require "${folder}/main.cjs"' RAREPIX_NNI_LOST_SECONDS=${LOST / 1000}`;
        this.channelUrl = await callback.throughSsh(this.ssh, this.channelUrl);
        await launchTrialKeeperDaemon.call(this);
    };

    /** Whether the keeper runs. If the machine does not answer, that is not known: then the channel's patience decides. */
    worker.checkAlive = async function () {
        const check = `${this.python} -m nni.tools.nni_manager_scripts.check_trial_keeper_alive ${this.remoteTrialKeeperDir}`;
        try {
            return JSON.parse(await this.ssh.run(check)).alive;
        } catch {
            return true;
        }
    };
}

/** NNI would upgrade itself on every machine, and with it what the trials need. */
function leaveEnvironmentAlone(ssh) {
    const { exec, run, sftp } = ssh;
    ssh.run = async function (command) {
        if (command.endsWith('-m pip install nni --upgrade')) {
            return '';
        }
        const said = await run.call(this, command);
        if (command.includes('print(nni.__version__)') && said !== NNI) {
            throw new Error(`${this.config.host} must have nni ${NNI} exactly, but has ${said}: pip install nni==${NNI}`);
        }
        return said;
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
    if (ssh.client && ssh.client.isDead) {
        ssh.disconnect();
        await ssh.connect();
        await callback.again(ssh);
    }
}

/** Without keep-alives a question to a dead machine has no end; without a listener its error would end the manager. */
function noticeDeadSsh(client) {
    const connect = client.connect;
    client.connect = function (options) {
        this.on('error', () => { this.isDead = true; });
        this.on('close', () => { this.isDead = true; });
        return connect.call(this, { keepaliveInterval: LOST / 6, keepaliveCountMax: 6, ...options });
    };
}

const sleep = (milliseconds) => new Promise((resume) => setTimeout(resume, milliseconds));

module.exports = { HOOKS };
