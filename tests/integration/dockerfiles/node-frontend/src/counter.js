let count = 0;
globalThis.increment = () => ++count;
