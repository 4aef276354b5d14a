'use strict';
// The keeper that NNI starts on each machine of a study, and the channel between it and the manager.
//
// NNI waits for ever for an answer of a machine that is gone, and a keeper that ends leaves its trials behind.
//
//   RAREPIX_NNI_LOST_SECONDS    how long a machine may be silent before its trials count as lost (default 30)

const fs = require('fs');
const path = require('path');

const LOST = 1000 * (Number(process.env.RAREPIX_NNI_LOST_SECONDS) || 30);
const IS_KEEPER = /trial_keeper[\\/]main\.js$/.test(process.argv[1] || '');

/** Rows of the table in main.cjs. */
const HOOKS = [
    [/(^|\/)rpc_util$/, (loaded) => endQuestionsWithTheirChannel(loaded.RpcHelper.prototype)],
    [/(^|\/)trial_keeper\/rpc$/, (loaded) => sayThatAKeeperIsGone(loaded.RemoteTrialKeeper.prototype)],
    [/(^|\/)websocket\/channel$|^\.\/channel$/, (loaded) => loaded.WsChannel && setPatience(loaded)],
    [/^\.\/connection$/, (loaded) => loaded.WsConnection && noticeSilence(loaded.WsConnection.prototype)],
    [/^\.\/process$/, (loaded) => IS_KEEPER && loaded.TrialProcess && runUploadedCode(loaded.TrialProcess.prototype)],
    [/^\.\/keeper$/, (loaded) => IS_KEEPER && loaded.TrialKeeper && endTrialsWithKeeper(loaded.TrialKeeper.prototype)],
];

/** A question on a channel that has ended gets no answer any more: it fails. */
function endQuestionsWithTheirChannel(helper) {
    const waitResponse = helper.waitResponse;
    helper.waitResponse = function (id) {
        if (!this.open) {
            this.open = new Set();
            const fail = () => this.open.forEach((question) => this.responses.get(question).reject(new Error('the channel has ended')));
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

function sayThatAKeeperIsGone(keeper) {
    const setChannel = keeper.setChannel;
    keeper.setChannel = function (channel) {
        return setChannel.call(this, channel).catch((error) => this.initialized.settled || this.initialized.reject(error));
    };
}

function setPatience(loaded) {
    loaded.UnitTestHelper.setHeartbeatInterval(LOST / 6);
    loaded.UnitTestHelper.setTerminateTimeout(LOST / 2);
}

/** NNI takes a ping that the system has accepted for an answer. After half of LOST the connection goes, after the rest the channel. */
function noticeSilence(connection) {
    const { handlePong, heartbeat } = connection;
    connection.handlePong = function () {
        this.heard = Date.now();
        return handlePong.call(this);
    };
    connection.heartbeat = function () {
        const now = Date.now();
        const slept = now - (this.beaten ?? now) > LOST / 3;    // we, not the other end: our own machine was halted
        this.beaten = now;
        this.heard = slept ? now : this.heard ?? now;
        if (now - this.heard > LOST / 2) {
            this.terminate('silent');
            this.ws.terminate();
            this.emit('error', new Error(`no answer for ${LOST / 2000} s`));
            return;
        }
        heartbeat.call(this);
    };
}

/** `src` of the uploaded code comes before what is installed, so that every machine runs the manager's code. */
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

/** A keeper first ends what an earlier one of its place has left, and at its own end its trials. */
function endTrialsWithKeeper(keeper) {
    const start = keeper.start;
    keeper.start = function () {
        endLeftovers(path.dirname(process.argv[2]));
        global.nni.shutdown.register('TrialKeeper', () => this.shutdown());
        return start.call(this);
    };
}

function endLeftovers(place) {
    const own = new Set([process.pid, process.ppid]);
    for (const pid of fs.readdirSync('/proc').map(Number).filter((pid) => pid && !own.has(pid))) {
        try {
            const environment = `\0${fs.readFileSync(`/proc/${pid}/environ`, 'utf8')}`;
            const command = fs.readFileSync(`/proc/${pid}/cmdline`, 'utf8');
            if (environment.includes(`\0NNI_OUTPUT_DIR=${place}/trials/`) || command.includes(`main.js\0${place}/trial_keeper`)) {
                process.kill(pid, 'SIGKILL');
            }
        } catch {                                           // another user's, or it has just ended
            continue;
        }
    }
}

module.exports = { HOOKS, LOST };
