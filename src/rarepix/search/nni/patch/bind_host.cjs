'use strict';
// Where the manager listens, and whom it answers. NNI has no login, and whoever can ask it can run programs.

const http = require('http');
const net = require('net');

const { ANOTHER_MACHINE, ANOTHER_USER, ownerOf } = require('./owner.cjs');
const { isOfThisRun } = require('./run.cjs');

const HOST = process.env.RAREPIX_NNI_HOST || '127.0.0.1';
const OWN_NAMES = ['localhost', '127.0.0.1', HOST];
const GIVEN_NAMES = (process.env.RAREPIX_NNI_NAMES || '').split(',').filter(Boolean);

/** Every server of the manager listens on HOST instead of on every interface; its own trials and nnictl come by 127.0.0.1. */
function listenOnOneAddress() {
    if (!net.isIPv4(HOST)) {
        throw new Error(`RAREPIX_NNI_HOST must be an IPv4 address of this machine, but is ${HOST}`);
    }
    const listen = net.Server.prototype.listen;
    net.Server.prototype.listen = function (...given) {
        if (typeof given[0] === 'number' && typeof given[1] !== 'string') {
            given.splice(1, 0, HOST);
        } else if (given[0] && typeof given[0] === 'object' && given[0].port !== undefined && !given[0].host) {
            given[0] = { ...given[0], host: HOST };
        }
        if (this instanceof http.Server && !['127.0.0.1', '0.0.0.0'].includes(HOST)) {
            const inside = net.createServer((socket) => this.emit('connection', socket));
            this.once('listening', () => listen.call(inside, this.address().port, '127.0.0.1'));
            this.once('close', () => inside.close());
        }
        return listen.apply(this, given);
    };
}

function answerOnlyFriends() {
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

/** Returns why a request is not answered, or null. */
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
        return null;                                        // a keeper on another machine, which calls us by any name
    }
    const name = (headers.host || '').replace(/:\d+$/, '');
    const names = owner === ANOTHER_MACHINE ? GIVEN_NAMES : [...OWN_NAMES, ...GIVEN_NAMES];
    if (!names.includes(name)) {
        return `${name || 'no name'} is none of this server's names for ${owner} (${names.join(', ')}). RAREPIX_NNI_NAMES adds names`;
    }
    return isFromAnotherPage(request) ? 'it comes from a page of another server' : null;
}

/** A browser asks us on behalf of any page that the user looks at, and says so. Following a link to us is no harm. */
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

module.exports = { listenOnOneAddress, answerOnlyFriends, reasonToRefuse };
