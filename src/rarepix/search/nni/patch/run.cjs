'use strict';
// The number of this run of the manager, by which it knows its own processes from those of an earlier run that was killed.
//
// The orphans of an earlier run (its tuner, trials, remote runners) still know the port and the ids of the trials, and plain NNI accepts
// them: the end of the old tuner ends the new run, a result of an orphan becomes that of the trial that runs again. So each address
// that this run gives to its processes contains its number, and a connection without it is closed, which ends the orphan.

const crypto = require('crypto');

const RUN = crypto.randomBytes(16).toString('hex');

const ofThisRun = (url) => `${url}?run=${RUN}`;
const isOfThisRun = (url) => new URLSearchParams(url.split('?')[1]).get('run') === RUN;

/** The channel between a trial and the manager (or its remote runner). */
function checkTrialRequests(channel) {
    const { getChannelUrl, handleGet, handlePut } = channel;
    channel.getChannelUrl = function (...parameters) {
        return ofThisRun(getChannelUrl.apply(this, parameters));
    };
    const own = (handle) => function (request, response) {
        if (isOfThisRun(request.originalUrl)) {
            handle.call(this, request, response);
        } else {                                            // closed, since NNI's trials ignore the status of an answer
            request.socket.destroy();
        }
    };
    channel.handleGet = own(handleGet);
    channel.handlePut = own(handlePut);
}

/** The address that remote runners are given. */
function tagRunnerAddress(server) {
    const { getChannelUrl } = server;
    server.getChannelUrl = function (...parameters) {
        return ofThisRun(getChannelUrl.apply(this, parameters));
    };
}

/** The channels of the tuner and of the remote runners. */
function checkWebSockets(restManager) {
    const { registerWebSocketHandler } = restManager;
    restManager.registerWebSocketHandler = function (path, connected) {
        registerWebSocketHandler.call(this, path, (socket, request) => {
            const foreignTuner = path.startsWith('tuner') && global.nni.args.tunerCommandChannel;   // NNI's Python interface
            if (isOfThisRun(request.originalUrl) || foreignTuner) {
                connected(socket, request);
            } else {
                socket.terminate();
            }
        });
    };
}

module.exports = { ofThisRun, isOfThisRun, checkTrialRequests, tagRunnerAddress, checkWebSockets };
