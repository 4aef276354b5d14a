'use strict';
// The address on which the manager listens, and the requests that it answers. NNI has no login, and whoever can send it requests can
// run programs.

const http = require('http');
const net = require('net');

const { ANOTHER_MACHINE, ANOTHER_USER, ownerOf } = require('./owner.cjs');
const { isOfThisRun } = require('./run.cjs');

const HOST = process.env.RAREPIX_NNI_HOST || '127.0.0.1';
const OWN_NAMES = ['localhost', '127.0.0.1', HOST];
const GIVEN_NAMES = (process.env.RAREPIX_NNI_NAMES || '').split(',').filter(Boolean);

/** Every server of the manager listens on HOST instead of on all interfaces, and on 127.0.0.1 for its own trials and nnictl. */
function listenOnOneAddress() {
    if (!net.isIPv4(HOST)) {
        throw new Error(`RAREPIX_NNI_HOST must be an IPv4 address of this machine, but is ${HOST}`);
    }
    const listen = net.Server.prototype.listen;
    net.Server.prototype.listen = function (...parameters) {
        if (typeof parameters[0] === 'number' && typeof parameters[1] !== 'string') {
            parameters.splice(1, 0, HOST);
        } else if (parameters[0] && typeof parameters[0] === 'object' && parameters[0].port !== undefined && !parameters[0].host) {
            parameters[0] = { ...parameters[0], host: HOST };
        }
        if (this instanceof http.Server && !['127.0.0.1', '0.0.0.0'].includes(HOST)) {
            const loopback = net.createServer((socket) => this.emit('connection', socket));
            this.once('listening', () => listen.call(loopback, this.address().port, '127.0.0.1'));
            this.once('close', () => loopback.close());
        }
        return listen.apply(this, parameters);
    };
}

/** A request that `reasonToRefuse` names a reason for gets status 403, a websocket no answer. */
function refuseForeignRequests() {
    const emit = http.Server.prototype.emit;
    http.Server.prototype.emit = function (event, request, response) {
        const refused = event === 'request' || event === 'upgrade' ? reasonToRefuse(request) : null;
        if (!refused) {
            return emit.apply(this, arguments);
        }
        if (event === 'request') {
            response.writeHead(403, { 'Content-Type': 'text/plain', Connection: 'close' });
            response.end(`refused: ${refused}\n`);
        } else {
            request.socket.destroy();
        }
        return true;
    };
}

/** Returns why a request is refused, or null. */
function reasonToRefuse(request) {
    const { headers, socket, url } = request;
    const owner = socket.rarepixOwner ??= ownerOf(socket);
    const path = decoded(url);
    if (owner === ANOTHER_USER) {
        return 'it must come from a process of the user who runs this study';
    }
    if (path === null || /(^|[\\/])\.\.([\\/]|$)/.test(path)) {
        return 'its path must not lead out of a folder';
    }
    if (/^\/+([^/]+\/+)?netron(\/|$)/i.test(path)) {
        return 'the proxy to netron.app, on the internet, is closed';
    }
    if (/^\/+([^/]+\/+)?platform\//.test(path) && isOfThisRun(url)) {
        return null;                                        // a remote runner, which may use any name of this machine
    }
    const name = (headers.host || '').replace(/:\d+$/, '');
    const names = owner === ANOTHER_MACHINE ? GIVEN_NAMES : [...OWN_NAMES, ...GIVEN_NAMES];
    if (!names.includes(name)) {
        return `${name || 'no name'} is none of this server's names for ${owner} (${names.join(', ')}). RAREPIX_NNI_NAMES adds names`;
    }
    return isFromAnotherPage(request) ? 'it comes from a page of another server' : null;
}

/** Browsers send requests for any page that the user looks at, and mark them so. Following a link to the web UI is harmless. */
function isFromAnotherPage({ method, headers }) {
    if (headers.origin !== undefined && headers.origin.replace(/^https?:\/\//, '') !== headers.host) {
        return true;
    }
    const link = method === 'GET' && headers['sec-fetch-mode'] === 'navigate' && headers['sec-fetch-dest'] === 'document';
    return !link && ['cross-site', 'same-site'].includes(headers['sec-fetch-site']);
}

function decoded(url) {
    try {
        return decodeURIComponent(url);
    } catch {
        return null;
    }
}

module.exports = { listenOnOneAddress, refuseForeignRequests, reasonToRefuse };
