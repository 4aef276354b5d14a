'use strict';
// The tuner (with its assessor, or an advisor), a Python process that the manager starts.

const childProcess = require('child_process');

const { ofThisRun } = require('./run.cjs');

const SECONDS_TO_CONNECT = 120;

let onStart = null;

/** Gives the tuner its address with the number of this run, and reports its process to `detectDeadTuner`. */
function watchTuner() {
    const spawn = childProcess.spawn;
    childProcess.spawn = function (command, words, options) {
        const chosen = Array.isArray(words) ? options : words;
        const isTuner = chosen && chosen.env && chosen.env.SDK_PROCESS === 'dispatcher';
        if (isTuner) {
            chosen.env.NNI_TUNER_COMMAND_CHANNEL = ofThisRun(chosen.env.NNI_TUNER_COMMAND_CHANNEL);
        }
        const child = spawn.apply(this, arguments);
        if (isTuner && onStart) {
            onStart(child);
        }
        return child;
    };
}

/** A tuner or assessor that has ended, by an exception or a signal, is an ERROR; plain NNI stays RUNNING for ever. */
function detectDeadTuner(server) {
    const send = server.sendCommand.bind(server);
    let ending = false;
    let lastPing = 0;
    const ended = () => {
        const error = new Error('the tuner or assessor has ended: see dispatcher.log');
        if (!server.connect.settled) {
            server.connect.reject(error);
        } else if (!ending) {
            server.emitter.emit('error', error);
        }
        ending = true;
    };
    server.sendCommand = (type, content) => {
        ending = ending || type === 'TE';
        if (type === 'PI' && !ending && server.channel && Date.now() - lastPing > 2000) {
            lastPing = Date.now();                            // NNI sends no pings, but the tuner checks for errors at each command
            server.channel.send({ type: 'PI', content: '' });
        }
        return send(type, content);
    };
    server.server.onConnection((_id, channel) => channel.onClose(ended));
    onStart = (child) => child.on('exit', ended);
}

/** Plain NNI gives a tuner 10 s to connect, which a busy machine may need for its imports. A tuner that ends is detected anyway. */
function allowSlowStart(server) {
    server.init = () => {
        const late = new Error(`the tuner must connect within ${SECONDS_TO_CONNECT} s, but did not: see dispatcher.log`);
        const timer = setTimeout(() => server.connect.settled || server.connect.reject(late), SECONDS_TO_CONNECT * 1000);
        return server.connect.promise.finally(() => clearTimeout(timer));
    };
}

module.exports = { watchTuner, allowSlowStart, detectDeadTuner };
