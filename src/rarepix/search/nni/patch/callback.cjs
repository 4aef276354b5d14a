'use strict';
// How the keeper on another machine reaches the manager: back through the SSH connection that started it.
//
// NNI lets keepers connect to a port of the manager's machine, which then must be open to the network, and whoever reaches it can
// run programs. Here the other machine listens, on its own loopback address, and what connects there must be our keeper.

const net = require('net');

const { isOfThisRun } = require('./run.cjs');

const HEAD = 8192;                                          // bytes; a keeper's request has some hundred
const LOOPBACK = /^ws:\/\/(localhost|127\.0\.0\.1):/;

/** Let the machine at the other end of *ssh* listen for its keeper; return the address to give to the keeper. */
async function throughSsh(ssh, url) {
    if (!LOOPBACK.test(url)) {                              // nniManagerIp names an address that the machine can reach itself
        return url;
    }
    ssh.callback = await listen(ssh.client, 0);
    return url.replace(/^ws:\/\/[^/]+/, `ws://127.0.0.1:${ssh.callback}`);
}

/** The same again, after a connection that broke. */
async function again(ssh) {
    if (ssh.callback) {
        await listen(ssh.client, ssh.callback);
    }
}

function listen(client, wanted) {
    client.on('tcp connection', (_from, accept) => admit(accept()));
    return new Promise((resolve, reject) => {
        client.forwardIn('127.0.0.1', wanted, (error, port) => error ? reject(error) : resolve(port || wanted));
    });
}

/** Other users of that machine can connect, too: only a websocket to this run's address gets through. */
function admit(stream) {
    let head = Buffer.alloc(0);
    stream.on('error', () => stream.destroy());
    stream.on('data', function read(piece) {
        head = Buffer.concat([head, piece]);
        const end = head.indexOf('\r\n\r\n');
        if (end < 0 && head.length < HEAD) {
            return;
        }
        stream.removeListener('data', read);
        stream.pause();
        if (end >= 0 && isKeeper(head.toString('latin1', 0, end))) {
            connect(stream, head);
        } else {
            stream.end('HTTP/1.1 403 Forbidden\r\nConnection: close\r\n\r\n');
        }
    });
}

function isKeeper(head) {
    const [, path] = /^GET (\S*\/platform\/\S+) HTTP\/1\.1\r\n/.exec(head) || [];
    return Boolean(path) && isOfThisRun(path) && /^upgrade: *websocket *$/im.test(head);
}

function connect(stream, head) {
    const socket = net.connect(global.nni.args.port, '127.0.0.1');
    socket.write(head);
    stream.pipe(socket).pipe(stream);
    socket.on('error', () => stream.destroy());
    stream.on('close', () => socket.destroy());
    socket.on('close', () => stream.end());
}

module.exports = { throughSsh, again };
