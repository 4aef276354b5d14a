'use strict';
// How a remote runner (NNI's trial keeper) reaches the manager: back through the SSH connection that started it.
//
// Plain NNI lets remote runners connect to a port of the manager's machine. That port must then be open to the network, and whoever
// reaches it can run programs. Here the other machine listens on its own loopback address, and only our runner may connect there.

const net = require('net');

const { isOfThisRun } = require('./run.cjs');

const HEAD_LIMIT = 8192;                                    // bytes; a runner's request has some hundred
const LOOPBACK = /^ws:\/\/(localhost|127\.0\.0\.1):/;

/** Let the machine at the other end of *ssh* listen for its runner; return the address for the runner. */
async function throughSsh(ssh, url) {
    if (!LOOPBACK.test(url)) {                              // nniManagerIp is an address that the machine can reach directly
        return url;
    }
    ssh.callbackPort = await listen(ssh.client, 0);
    return url.replace(/^ws:\/\/[^/]+/, `ws://127.0.0.1:${ssh.callbackPort}`);
}

/** Listen there again on the same port, after the connection was lost. */
async function reopen(ssh) {
    if (ssh.callbackPort) {
        await listen(ssh.client, ssh.callbackPort);
    }
}

function listen(client, wantedPort) {
    client.on('tcp connection', (_from, accept) => admit(accept()));
    return new Promise((resolve, reject) => {
        client.forwardIn('127.0.0.1', wantedPort, (error, port) => error ? reject(error) : resolve(port || wantedPort));
    });
}

/** Other users of that machine can connect, too; only a websocket with this run's number is let through. */
function admit(stream) {
    let head = Buffer.alloc(0);
    stream.on('error', () => stream.destroy());
    stream.on('data', function read(chunk) {
        head = Buffer.concat([head, chunk]);
        const end = head.indexOf('\r\n\r\n');
        if (end < 0 && head.length < HEAD_LIMIT) {
            return;
        }
        stream.removeListener('data', read);
        stream.pause();
        if (end >= 0 && isRemoteRunner(head.toString('latin1', 0, end))) {
            connect(stream, head);
        } else {
            stream.end('HTTP/1.1 403 Forbidden\r\nConnection: close\r\n\r\n');
        }
    });
}

function isRemoteRunner(head) {
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

module.exports = { throughSsh, reopen };
