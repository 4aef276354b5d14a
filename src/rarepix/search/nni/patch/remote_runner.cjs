'use strict';
// The remote runner (NNI's trial keeper), which NNI starts on each machine of a study, and the channel between it and the manager.
//
// Plain NNI waits for ever for an answer of a machine that is lost, and a remote runner that ends leaves its trials running.
//
//   RAREPIX_NNI_LOST_SECONDS    heartbeat timeout: a machine that is silent for so long is lost, with its trials (default 30)

const fs = require('fs');
const path = require('path');

const LOST_TIMEOUT = 1000 * (Number(process.env.RAREPIX_NNI_LOST_SECONDS) || 30);
const IS_RUNNER = /trial_keeper[\\/]main\.js$/.test(process.argv[1] || '');

/** Rows of the table in main.cjs. */
const HOOKS = [
    [/(^|\/)rpc_util$/, (loaded) => failRequestsOfClosedChannel(loaded.RpcHelper.prototype)],
    [/(^|\/)trial_keeper\/rpc$/, (loaded) => failLostRunner(loaded.RemoteTrialKeeper.prototype)],
    [/(^|\/)websocket\/channel$|^\.\/channel$/, (loaded) => loaded.WsChannel && setTimeouts(loaded)],
    [/^\.\/connection$/, (loaded) => loaded.WsConnection && detectSilence(loaded.WsConnection.prototype)],
    [/^\.\/process$/, (loaded) => IS_RUNNER && loaded.TrialProcess && runUploadedCode(loaded.TrialProcess.prototype)],
    [/^\.\/keeper$/, (loaded) => IS_RUNNER && loaded.TrialKeeper && endTrialsWithRunner(loaded.TrialKeeper.prototype)],
];

/** A request on a channel that has ended will get no answer, so it fails. */
function failRequestsOfClosedChannel(helper) {
    const waitResponse = helper.waitResponse;
    helper.waitResponse = function (id) {
        if (!this.open) {
            this.open = new Set();
            const fail = () => this.open.forEach((request) => this.responses.get(request).reject(new Error('the channel has ended')));
            this.channel.onClose(fail);
            this.channel.onError(fail);
        }
        if (this.channel.closing) {
            return Promise.reject(new Error('the channel has ended'));
        }
        this.open.add(id);
        return waitResponse.call(this, id).finally(() => this.open.delete(id));
    };
}

/** A remote runner whose channel fails before it is ready is a failed start; plain NNI waits for it for ever. */
function failLostRunner(runner) {
    const setChannel = runner.setChannel;
    runner.setChannel = function (channel) {
        return setChannel.call(this, channel).catch((error) => this.initialized.settled || this.initialized.reject(error));
    };
}

function setTimeouts(loaded) {
    loaded.UnitTestHelper.setHeartbeatInterval(LOST_TIMEOUT / 6);
    loaded.UnitTestHelper.setTerminateTimeout(LOST_TIMEOUT / 2);
}

/**
 * Plain NNI counts a ping that the operating system has accepted as an answer. Here only a pong counts: after half of LOST_TIMEOUT
 * without one the connection is closed, after the other half the channel.
 */
function detectSilence(connection) {
    const { handlePong, heartbeat } = connection;
    connection.handlePong = function () {
        this.lastPong = Date.now();
        return handlePong.call(this);
    };
    connection.heartbeat = function () {
        const now = Date.now();
        const halted = now - (this.lastHeartbeat ?? now) > LOST_TIMEOUT / 3;    // this machine itself was halted, not the other one
        this.lastHeartbeat = now;
        this.lastPong = halted ? now : this.lastPong ?? now;
        if (now - this.lastPong > LOST_TIMEOUT / 2) {
            this.terminate('silent');
            this.ws.terminate();
            this.emit('error', new Error(`no answer for ${LOST_TIMEOUT / 2000} s`));
            return;
        }
        heartbeat.call(this);
    };
}

/** `src` of the uploaded code comes before installed packages, so that every machine runs the manager's code. */
function runUploadedCode(trial) {
    const buildEnv = trial.buildEnv;
    trial.buildEnv = function (options) {
        const env = buildEnv.call(this, options);
        const source = path.join(options.codeDirectory, 'src');
        if (fs.existsSync(source)) {
            env.PYTHONPATH = [source, env.PYTHONPATH].filter(Boolean).join(path.delimiter);
        }
        return env;
    };
}

/** A remote runner kills the processes that an earlier one in its folder has left; when it ends, it ends its own trials. */
function endTrialsWithRunner(runner) {
    const start = runner.start;
    runner.start = function () {
        killOrphans(path.dirname(process.argv[2]));
        global.nni.shutdown.register('TrialKeeper', () => this.shutdown());
        return start.call(this);
    };
}

function killOrphans(folder) {
    const own = new Set([process.pid, process.ppid]);
    for (const pid of fs.readdirSync('/proc').map(Number).filter((pid) => pid && !own.has(pid))) {
        try {
            const environment = `\0${fs.readFileSync(`/proc/${pid}/environ`, 'utf8')}`;
            const command = fs.readFileSync(`/proc/${pid}/cmdline`, 'utf8');
            if (environment.includes(`\0NNI_OUTPUT_DIR=${folder}/trials/`) || command.includes(`main.js\0${folder}/trial_keeper`)) {
                process.kill(pid, 'SIGKILL');
            }
        } catch {                                           // another user's, or it has just ended
            continue;
        }
    }
}

module.exports = { HOOKS, LOST_TIMEOUT };
