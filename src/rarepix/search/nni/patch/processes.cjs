'use strict';
// The processes of a trial.

const childProcess = require('child_process');

/** A trial's shell becomes the leader of a process group, and does not load this patch. */
function startTrialsInGroups() {
    const spawn = childProcess.spawn;
    childProcess.spawn = function (command, words, options) {
        const chosen = Array.isArray(words) ? options : words;
        if (chosen && chosen.env && chosen.env.NNI_TRIAL_JOB_ID && chosen.env.NNI_TRIAL_COMMAND_CHANNEL) {
            chosen.detached = true;
            chosen.env.NODE_OPTIONS = (chosen.env.NODE_OPTIONS || '').replace(/--require "[^"]*patch[\\/]main\.cjs"/g, '').trim();
        }
        return spawn.apply(this, arguments);
    };
}

/** Stopping a trial also stops its data loading workers, pipes and wrapper scripts; plain NNI signals the shell alone. */
function endProcessGroups(trialProcess) {
    const kill = trialProcess.kill;
    trialProcess.kill = function (timeout) {
        const shell = this.proc;
        if (shell && shell.pid && !shell.endsGroup && process.platform !== 'win32') {
            const endShell = shell.kill.bind(shell);
            shell.endsGroup = true;
            shell.kill = (signal) => {
                try {
                    return process.kill(-shell.pid, signal);
                } catch {
                    return endShell(signal);
                }
            };
        }
        return kill.call(this, timeout);
    };
}

module.exports = { startTrialsInGroups, endProcessGroups };
