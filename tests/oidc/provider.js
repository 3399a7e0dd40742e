// A real provider of OpenID Connect for the tests: node provider.js FOLDER CONFIGURATION, where
// FOLDER has node_modules, and CONFIGURATION is JSON: port, redirects, secret, accounts. Its own
// test pages take any name with any password. It prints its address once it listens.
import { pathToFileURL } from "node:url";
import { join } from "node:path";

const [folder, configuration] = process.argv.slice(2);
const { port, redirects, secret, accounts } = JSON.parse(configuration);
const home = join(folder, "node_modules/oidc-provider/lib/index.js");
const { default: Provider } = await import(pathToFileURL(home));

const issuer = `http://127.0.0.1:${port}`;
const provider = new Provider(issuer, {
  clients: [{
    client_id: "steward",
    client_secret: secret,
    redirect_uris: redirects,
    response_types: ["code"],
    grant_types: ["authorization_code"],
  }],
  pkce: { required: () => true },
  claims: { openid: ["sub"], profile: ["name"], groups: ["groups"] },
  findAccount: (_, id) => ({
    accountId: id,
    claims: () => ({ sub: id, ...accounts[id] }),
  }),
  cookies: { keys: [secret] },
  ttl: { Session: 600, Interaction: 600, Grant: 600, AccessToken: 600, IdToken: 600 },
});
provider.listen(port, "127.0.0.1", () => console.log(issuer));
