export { AppServer, type AppServerOptions } from './app-server.js';
export { type CreateAppServerOptions, createAppServer, type RunningAppServer } from './create-app-server.js';
