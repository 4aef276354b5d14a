'use strict';

const fs = require('fs');

const OWN_USER = 'your own user';
const ANOTHER_USER = 'another user';
const ANOTHER_MACHINE = 'another machine';

/**
 * Who owns the other end of a connection: the user who runs this process (or root), another user, or another machine.
 *
 * Linux lists the sockets of this machine with their owners. A socket that its process has already closed has inode 0, and no owner
 * that could be trusted. Other systems have no such list; there, a loopback address counts as the own user.
 */
function ownerOf({ remoteAddress, remotePort, localAddress, localPort }) {
    if (process.platform !== 'linux') {
        return /^(::ffff:)?127\./.test(remoteAddress) ? OWN_USER : ANOTHER_MACHINE;
    }
    for (const [table, prefix] of [['tcp', ''], ['tcp6', '0000000000000000FFFF0000']]) {
        const ends = `${prefix}${end(remoteAddress, remotePort)} ${prefix}${end(localAddress, localPort)} `;
        const listed = fs.readFileSync(`/proc/net/${table}`, 'latin1').split('\n').find((line) => line.includes(ends));
        if (listed) {
            const [, , , , , , , user, , inode] = listed.trim().split(/\s+/);
            return inode !== '0' && [String(process.getuid()), '0'].includes(user) ? OWN_USER : ANOTHER_USER;
        }
    }
    return ANOTHER_MACHINE;
}

function end(address, port) {
    const bytes = address.replace(/^::ffff:/, '').split('.').reverse();
    const hex = bytes.map((byte) => Number(byte).toString(16).padStart(2, '0')).join('');
    return `${hex}:${port.toString(16).padStart(4, '0')}`.toUpperCase();
}

module.exports = { OWN_USER, ANOTHER_USER, ANOTHER_MACHINE, ownerOf };
