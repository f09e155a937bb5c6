import 'node:net';
