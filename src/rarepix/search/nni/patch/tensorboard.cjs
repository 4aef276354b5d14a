'use strict';
// TensorBoard, which the web UI starts on demand.

const fs = require('fs');
const path = require('path');

/** It listens on 127.0.0.1; plain NNI lets it listen on every interface, and it has no login either. */
function listenOnLoopback(manager) {
    const command = manager.getTensorboardStartCommand;
    manager.getTensorboardStartCommand = async function () {
        const words = await command.apply(this, arguments);
        return words.map((word) => word.replace(/^--bind_all /, '--host=127.0.0.1 '));
    };
}

/** It reads a trial's own folder, which has a link to its logs (trial_io.py); plain NNI takes a folder where no trial writes. */
function findTrialLogs(service) {
    const getLocalPath = service.getTrialOutputLocalPath;
    service.getTrialOutputLocalPath = async function (id) {
        const output = await getLocalPath.call(this, id);            // <experiment>/trials/<id>/output
        const own = path.join(output, '..', '..', '..', 'environments', 'local-env', 'trials', id);
        return fs.existsSync(own) ? own : output;
    };
}

module.exports = { listenOnLoopback, findTrialLogs };
