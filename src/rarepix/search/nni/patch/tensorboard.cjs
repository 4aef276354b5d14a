'use strict';
// TensorBoard, which the web UI starts on demand.

const fs = require('fs');
const path = require('path');

/** It listens on this machine alone; NNI would have it take every interface, and it has no login either. */
function listenHereOnly(manager) {
    const command = manager.getTensorboardStartCommand;
    manager.getTensorboardStartCommand = async function () {
        const words = await command.apply(this, arguments);
        return words.map((word) => word.replace(/^--bind_all /, '--host=127.0.0.1 '));
    };
}

/** It is shown a trial's own folder, where the trial puts a link to its logs (trial_io.py); NNI looks where no trial writes. */
function lookWhereTrialsWrite(service) {
    const place = service.getTrialOutputLocalPath;
    service.getTrialOutputLocalPath = async function (id) {
        const given = await place.call(this, id);                   // <experiment>/trials/<id>/output
        const own = path.join(given, '..', '..', '..', 'environments', 'local-env', 'trials', id);
        return fs.existsSync(own) ? own : given;
    };
}

module.exports = { listenHereOnly, lookWhereTrialsWrite };
