// Preloaded into Portkey, which offers no setting for it: every server listens on 127.0.0.1.
'use strict';
const net = require('node:net');
const listen = net.Server.prototype.listen;
net.Server.prototype.listen = function (first, ...rest) {
  if (first !== null && typeof first === 'object' && 'port' in first) {
    return listen.call(this, {...first, host: '127.0.0.1'}, ...rest);
  }
  if (typeof first === 'number' || typeof first === 'string') {
    const callback = [first, ...rest].find((value) => typeof value === 'function');
    return listen.call(this, {port: Number(first), host: '127.0.0.1'}, callback);
  }
  return listen.call(this, first, ...rest);
};
