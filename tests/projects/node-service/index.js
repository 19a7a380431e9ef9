const ms = require('ms');

console.log(`${process.arch} ${ms('2 days')}`);
