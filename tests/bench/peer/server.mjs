// server.mjs - oidc-provider 9 with client_credentials and a token-exchange grant that verifies the subject token and narrows
// scope; state in memory. usage: node server.mjs PORT
import { createServer } from 'node:http';
import * as jose from 'jose';
import Provider, { errors } from 'oidc-provider';

const port = Number(process.argv[2]);
const issuer = `http://localhost:${port}`;
const EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange';
const ACCESS = 'urn:ietf:params:oauth:token-type:access_token';

async function key(alg) {
  const { publicKey, privateKey } = await jose.generateKeyPair(alg, { extractable: true });
  return { verify: publicKey, jwk: { ...(await jose.exportJWK(privateKey)), alg, use: 'sig', kid: alg.toLowerCase() } };
}

const keys = { ES256: await key('ES256'), RS256: await key('RS256') };
const resource = (alg, audience) => ({ scope: 'query read', audience, accessTokenTTL: 600, accessTokenFormat: 'jwt', jwt: { sign: { alg } } });
const resources = new Map();
for (const [name, alg] of [['analytics', 'ES256'], ['analytics-rs256', 'RS256'], ['snowflake', 'ES256'], ['snowflake-rs256', 'RS256']])
  resources.set(`https://${name}.example/`, resource(alg, `https://${name}.example/`));

const client = (client_id, alg) => ({
  client_id, client_secret: `secret-of-${client_id}`, token_endpoint_auth_method: 'client_secret_basic', redirect_uris: [], response_types: [],
  grant_types: ['client_credentials', EXCHANGE], id_token_signed_response_alg: alg,
});

async function resourceInfo(ctx, name) {
  const info = resources.get(name);
  if (!info) throw new errors.InvalidTarget();
  return info;
}

const provider = new Provider(issuer, {
  clients: [client('nightly', 'ES256'), client('nightly-rs256', 'RS256')],
  jwks: { keys: [keys.ES256.jwk, keys.RS256.jwk] },
  scopes: ['query', 'read'],
  features: {
    devInteractions: { enabled: false },
    clientCredentials: { enabled: true },
    resourceIndicators: { enabled: true, defaultResource: () => 'https://analytics.example/', getResourceServerInfo: resourceInfo },
  },
});

const params = ['subject_token', 'subject_token_type', 'requested_token_type', 'resource', 'audience', 'scope'];
provider.registerGrantType(EXCHANGE, async (ctx) => {
  const { client: caller, params: asked } = ctx.oidc;
  if (asked.subject_token_type !== ACCESS) throw new errors.InvalidRequest('unsupported subject_token_type');
  let subject;
  try {
    subject = await jose.jwtVerify(asked.subject_token, (header) => keys[header.alg].verify, { issuer, typ: 'at+jwt' });
  } catch {
    throw new errors.InvalidGrant('subject_token is not valid');
  }
  const info = await resourceInfo(ctx, asked.resource);
  const allowed = new Set(info.scope.split(' '));
  const scope = (asked.scope ?? subject.payload.scope ?? '').split(' ').filter((s) => allowed.has(s)).join(' ');
  const token = new provider.ClientCredentials({ client: caller, scope });
  token.resourceServer = new provider.ResourceServer(asked.resource, info);
  ctx.oidc.entity('ClientCredentials', token);
  ctx.body = { access_token: await token.save(), issued_token_type: ACCESS, token_type: 'Bearer', expires_in: token.expiration, scope: token.scope };
}, params, []);

provider.on('server_error', (ctx, error) => console.error(error));
createServer(provider.callback()).listen(port, '127.0.0.1', () => console.log('ready'));
