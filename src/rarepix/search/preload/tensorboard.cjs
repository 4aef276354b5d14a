'use strict';
// TensorBoard, which the web UI starts on demand.

/** It listens on this machine alone; NNI would have it take every interface, and it has no login either. */
function listenHereOnly(manager) {
    const command = manager.getTensorboardStartCommand;
    manager.getTensorboardStartCommand = async function () {
        const words = await command.apply(this, arguments);
        return words.map((word) => word.replace(/^--bind_all /, '--host=127.0.0.1 '));
    };
}

module.exports = { listenHereOnly };
