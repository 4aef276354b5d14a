'use strict';
// The tuner (with its assessor, or an advisor): a Python process of the manager's.

const childProcess = require('child_process');

const { ofThisRun } = require('./run.cjs');

const SECONDS_TO_CONNECT = 120;

let started = null;

/** The tuner is told where to connect, and its process is kept in sight. */
function startOwnTuner() {
    const spawn = childProcess.spawn;
    childProcess.spawn = function (command, given, options) {
        const chosen = Array.isArray(given) ? options : given;
        const isTuner = chosen && chosen.env && chosen.env.SDK_PROCESS === 'dispatcher';
        if (isTuner) {
            chosen.env.NNI_TUNER_COMMAND_CHANNEL = ofThisRun(chosen.env.NNI_TUNER_COMMAND_CHANNEL);
        }
        const child = spawn.apply(this, arguments);
        if (isTuner && started) {
            started(child);
        }
        return child;
    };
}

/** A tuner or assessor that raised says goodbye and NNI stays RUNNING for ever; make it, and one that was killed, an ERROR. */
function noticeDeadTuner(server) {
    const send = server.sendCommand.bind(server);
    let ending = false;
    let pinged = 0;
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
        if (type === 'PI' && !ending && server.channel && Date.now() - pinged > 2000) {
            pinged = Date.now();                            // NNI never sends its pings, but the tuner looks at its errors on each command
            server.channel.send({ type: 'PI', content: '' });
        }
        return send(type, content);
    };
    server.server.onConnection((_id, channel) => channel.onClose(ended));
    started = (child) => child.on('exit', ended);
}

/** NNI gives a tuner 10 s to connect, which a busy machine needs for its imports. Its death is noticed anyway. */
function allowSlowStart(server) {
    server.init = () => {
        const late = new Error(`the tuner must connect within ${SECONDS_TO_CONNECT} s, but did not: see dispatcher.log`);
        const timer = setTimeout(() => server.connect.settled || server.connect.reject(late), SECONDS_TO_CONNECT * 1000);
        return server.connect.promise.finally(() => clearTimeout(timer));
    };
}

module.exports = { startOwnTuner, allowSlowStart, noticeDeadTuner };
