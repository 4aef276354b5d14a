'use strict';

const fs = require('fs');

const OURS = 'ours';
const ANOTHER_USER = 'another user';
const ANOTHER_MACHINE = 'another machine';

/**
 * To whom the other end of a connection belongs: to the user who runs this process (or root), to another user, or to another machine.
 *
 * Linux lists the ends on this machine with their owners. One whose process has already let go of it is listed without (inode 0):
 * it is nobody's. Other systems have no such list; there, what comes from a loopback address is ours.
 */
function ownerOf({ remoteAddress, remotePort, localAddress, localPort }) {
    if (process.platform !== 'linux') {
        return /^(::ffff:)?127\./.test(remoteAddress) ? OURS : ANOTHER_MACHINE;
    }
    for (const [table, prefix] of [['tcp', ''], ['tcp6', '0000000000000000FFFF0000']]) {
        const ends = `${prefix}${end(remoteAddress, remotePort)} ${prefix}${end(localAddress, localPort)} `;
        const listed = fs.readFileSync(`/proc/net/${table}`, 'latin1').split('\n').find((line) => line.includes(ends));
        if (listed) {
            const [, , , , , , , user, , inode] = listed.trim().split(/\s+/);
            return inode !== '0' && [String(process.getuid()), '0'].includes(user) ? OURS : ANOTHER_USER;
        }
    }
    return ANOTHER_MACHINE;
}

function end(address, port) {
    const bytes = address.replace(/^::ffff:/, '').split('.').reverse();
    const hex = bytes.map((byte) => Number(byte).toString(16).padStart(2, '0')).join('');
    return `${hex}:${port.toString(16).padStart(4, '0')}`.toUpperCase();
}

module.exports = { OURS, ANOTHER_USER, ANOTHER_MACHINE, ownerOf };
