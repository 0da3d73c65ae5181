// Serves this machine, and `far` at the URL that is given, over stdio; as a host would that embeds us.
import { createAppServer } from '../../dist/app/index.js';
import { EnvironmentManager } from '../../dist/environment/index.js';

const [url] = process.argv.slice(2);
const environments = new EnvironmentManager({ environments: [{ id: 'far', url }], default: 'local' });
const { hostGone } = await createAppServer({ environments, listen: 'stdio' });
await hostGone;
await environments.close();
