'use strict';
// This run of the manager, told from an earlier one that was killed.
//
// What an earlier run left behind (its tuner, trials, keepers on other machines) still knows the port and the trials' ids, and NNI
// would take its word: the old tuner's death ends the new run, an orphan's result becomes that of the trial that runs again.
// So each address that is given out carries this run's number, and whoever comes without it is cut off, which ends it.

const crypto = require('crypto');

const RUN = crypto.randomBytes(16).toString('hex');

const ofThisRun = (url) => `${url}?run=${RUN}`;
const isOfThisRun = (url) => new URLSearchParams(url.split('?')[1]).get('run') === RUN;

/** The channel between a trial and its keeper. */
function answerOwnTrials(channel) {
    const { getChannelUrl, handleGet, handlePut } = channel;
    channel.getChannelUrl = function (...given) {
        return ofThisRun(getChannelUrl.apply(this, given));
    };
    const own = (handle) => function (request, response) {
        if (isOfThisRun(request.originalUrl)) {
            handle.call(this, request, response);
        } else {                                            // an answer would not do: NNI's trials do not look at its status
            request.socket.destroy();
        }
    };
    channel.handleGet = own(handleGet);
    channel.handlePut = own(handlePut);
}

/** The keepers on other machines are told where to connect. */
function inviteOwnKeepers(server) {
    const { getChannelUrl } = server;
    server.getChannelUrl = function (...given) {
        return ofThisRun(getChannelUrl.apply(this, given));
    };
}

/** The channels of the tuner and of the keepers on other machines. */
function connectOwnProcesses(restManager) {
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

module.exports = { ofThisRun, isOfThisRun, answerOwnTrials, inviteOwnKeepers, connectOwnProcesses };
