"""Made-up secrets of every known kind, put together so that no scanner takes them for real ones."""

_MIXED = "aB3dE6gH9jK2mN5pQ8sT1vW4xY7zA0cD3fG6hJ9k"
_LONG = _MIXED * 4
_HEX = "0123456789abcdef" * 4
_DIGITS = "012345678901"

SECRETS = {
    "AWS access key id": "AKIA" + "ABCDEFGHIJKLMNOP",
    "AWS temporary key id": "ASIA" + "ABCDEFGHIJ234567",
    "AWS Bedrock key": "ABSK" + _LONG[:120],
    "GitHub token": "ghp_" + _MIXED[:36],
    "GitHub OAuth token": "gho_" + _MIXED[:36],
    "GitHub user token": "ghu_" + _MIXED[:36],
    "GitHub app token": "ghs_" + _MIXED[:36],
    "GitHub refresh token": "ghr_" + _MIXED[:36],
    "GitHub fine-grained token": "github_pat_" + _MIXED[:22] + "_" + _LONG[:59],
    "GitLab token": "glpat-" + _MIXED[:20],
    "GitLab runner token": "glrt-" + _MIXED[:20],
    "GitLab deploy token": "gldt-" + _MIXED[:20],
    "Slack bot token": "xoxb-" + _DIGITS + "-" + _DIGITS + "-" + _MIXED[:24],
    "Slack user token": "xoxp-" + _DIGITS + "-" + _MIXED[:24],
    "Slack app token": "xapp-1-A0" + _DIGITS + "-" + _HEX,
    "OpenAI key": "sk-" + _MIXED + _MIXED[:8],
    "OpenAI project key": "sk-proj-" + _MIXED[:20] + "-" + _MIXED[:24],
    "Anthropic key": "sk-ant-api03-" + _LONG[:93],
    "OpenRouter key": "sk-or-v1-" + _HEX,
    "Google API key": "AIza" + _MIXED[:35],
    "Google OAuth token": "ya29." + _MIXED + "-_" + _MIXED,
    "Google OAuth secret": "GOCSPX-" + _MIXED[:28],
    "JSON web token": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0." + _MIXED,
    "encrypted JSON web token": "eyJhbGciOiJSU0EifQ." + _MIXED + "." + _MIXED[:16] + ".x1." + _HEX,
    "Stripe secret key": "sk_live_" + _MIXED[:24],
    "Stripe restricted key": "rk_test_" + _MIXED[:24],
    "Stripe webhook secret": "whsec_" + _MIXED[:32],
    "Hugging Face token": "hf_" + _MIXED[:34],
    "npm token": "npm_" + _MIXED[:36],
    "PyPI token": "pypi-AgEIcHlwaS5vcmc" + _LONG[:80],
    "SendGrid key": "SG." + _MIXED[:22] + "." + _MIXED[:40],
    "Mailgun key": "key-" + _HEX[:32],
    "Mailchimp key": _HEX[:32] + "-us12",
    "Twilio-like bot token of Telegram": "1234567890:AA" + _MIXED[:33],
    "DigitalOcean token": "dop_v1_" + _HEX,
    "Shopify token": "shpat_" + _HEX[:32],
    "Databricks token": "dapi" + _HEX[:32],
    "Vault token": "hvs." + _MIXED,
    "Terraform token": _MIXED[:14] + ".atlasv1." + _LONG[:67],
    "Docker Hub token": "dckr_pat_" + _MIXED[:27],
    "Grafana token": "glsa_" + _MIXED[:32] + "_" + _HEX[:8],
    "Postman key": "PMAK-" + _HEX[:24] + "-" + _HEX[:34],
    "New Relic key": "NRAK-" + "ABCDEFGHIJKLMNOPQRSTUVW2345",
    "Linear key": "lin_api_" + _MIXED,
    "Notion token": "ntn_" + _LONG[:46],
    "Figma token": "figd_" + _MIXED,
    "Groq key": "gsk_" + _LONG[:52],
    "xAI key": "xai-" + _LONG[:80],
    "Perplexity key": "pplx-" + _LONG[:48],
    "NVIDIA key": "nvapi-" + _LONG[:64],
    "Replicate token": "r8_" + _MIXED[:37],
    "Pinecone key": "pcsk_" + _LONG[:70],
    "LangSmith key": "lsv2_pt_" + _HEX[:32] + "_" + _HEX[:10],
    "Tavily key": "tvly-" + _MIXED[:32],
    "Supabase key": "sb_secret_" + _MIXED[:31],
    "Atlassian token": "ATATT3x" + _LONG[:80],
    "Square token": "sq0atp-" + _MIXED[:22],
    "RubyGems key": "rubygems_" + _HEX[:48],
    "PlanetScale token": "pscale_tkn_" + _MIXED,
    "Sentry token": "sntrys_" + _LONG[:80],
    "Doppler token": "dp.pt." + _MIXED,
    "Pulumi token": "pul-" + _HEX[:40],
    "age key": "AGE-SECRET-KEY-1" + "QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L" * 2,
    "Entra client secret": "aB3" + "8Q~" + _MIXED[:34],
    "Facebook token": "EAAB" + _LONG[:100],
}
"""Known wherever they stand."""

LINES = {
    "password={}": "hunter2",
    "Password: {}": "y",
    "db_password = '{}'": "two words",
    'os.environ["API_KEY"] = "{}"': "abcdef123",
    '{{"apiKey": "{}"}}': "abc def, g",
    '{{"client_secret":"{}","id":7}}': 'with \\" quote',
    "{{'token': '{}'}}": "it-is-1",
    'params={{\\"access_token\\": \\"{}\\"}}': "escaped-1",
    "AWS_SECRET_ACCESS_KEY={}": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    "export WANDB_API_KEY={}": "0123456789abcdef0123456789abcdef01234567",
    "PGPASSWORD={} psql": "pg-pass",
    "run --api-key {} --verbose": "k-123456",
    "run --password={}": "p!%^*",
    "X-API-Key: {}": "0a1b2c3d4e5f",
    "Authorization: Bearer {}": "short",
    "authorization: Basic {}": "dXNlcjpwYXNz",
    '-H "Authorization: token {}"': "0a1b2c3d",
    "proxy said: basic {}": "dXNlcjpwYXNz",
    '{{"passwords": ["{}"], "n": 1}}': 'a", "b',
    "sent Bearer {} to it": "mF_9.B5f-4.1JqM",
    "Cookie: {}": "sid=31d4d96e407aad42; theme=dark",
    "Set-Cookie: {}": "session=38afes7a8; HttpOnly; Path=/",
    "postgresql://app:{}@db.internal:5432/app": "p@ss:w0rd",
    "redis://:{}@cache:6379/0": "r3dis",
    "mongodb+srv://u:{}@c.mongodb.net/?w=majority": "m/ngo",
    "https://{}@o1.ingest.sentry.io/2": "0123456789abcdef0123456789abcdef",
    "Server=db;User Id=sa;Password={};Encrypt=yes": "S3rver!",
    "Server=db;Uid=sa;Pwd={};": "S3rver!",
    "DefaultEndpointsProtocol=https;AccountName=a;AccountKey={};EndpointSuffix=x": "abc/def+gh==",
    "Endpoint=sb://x/;SharedAccessKeyName=n;SharedAccessKey={}": "abc/def+gh=",
    "GET /blob?sv=2022&sig={}&se=1": "abc%2Fdef%3D",
    "https://b.s3.amazonaws.com/k?X-Amz-Signature={}&x=1": "0123456789abcdef" * 4,
    "https://hooks.slack.com/services/{}": "T00000000/B00000000/aB3dE6gH9jK2mN5pQ8sT1vW4",
    "https://discord.com/api/webhooks/123456789012345678/{}": "aB3dE6gH9jK2mN5pQ8sT1vW4xY7z",
    "curl -u admin:{} https://x": "adm1n",
    "machine x login me password {}": "n3trc",
    "CREATE USER a IDENTIFIED BY '{}'": "sql pass",
    "//npm.example.com/:_authToken={}": "0a1b2c3d4e5f",
    "refresh_token={}&grant_type=refresh_token": "abc123def",
    "AZURE_CLIENT_SECRET: {}": "abc~def.gh",
    "slack.bot_token: {}": "abcdef-123",
    "private_key = {}": "MIIEvQIBADANBg",
    "connection_string='{}'": "Endpoint=sb://x;Key=y",
    "curl --user 'me:{}' https://x": "curl-pass",
}
"""Known by what stands around them."""

HARMLESS = [
    "tokens: 1234",
    "max_tokens=4096 temperature=0.7",
    "Tokenizer: BPE with 32000 tokens",
    "tokenizer=AutoTokenizer.from_pretrained('gpt2')",
    "pad_token: '<pad>' eos_token: '</s>'",
    "pad_token_id=0, bos_token_id=1",
    "time_per_token=0.031 loss_per_token=0.2",
    "next_token: 'hello'",
    "num_key_value_heads=8 key_dim=64",
    "key: value, sort_key=name, primary_key=id",
    "cache_key=0123456789abcdef0123456789abcdef",
    "idempotency_key=import-2026-07-01",
    "keypoints: 17, keyboard: us",
    "public_key: ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB",
    "author: Jane Doe, authors: 3",
    "passed=12 failed=0 passes: 3",
    "forward_pass: 0.03 s, backward_pass: 0.05 s",
    "compass=north, bypass=True",
    "secretary: J. Smith",
    "token_file=/run/secrets/token",
    "password_field=None",
    "secret_name: prod/db",
    "cookie_path=/",
    "password: str = ''",
    "token: str | None = None",
    "api_key=os.environ['API_KEY']",
    "api_key=${API_KEY}",
    "password={{ vault.password }}",
    "password is required",
    "wrong password, try again",
    "token: 42",
    "token expired",
    "auth: disabled",
    "https://example.com:8080/path?page=2",
    "https://registry.example.com:4873/@scope/pkg",
    "git+ssh://git@github.com/owner/repo.git",
    "user@example.com",
    "mailto:someone@example.com",
    "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "commit 8a1e5e6b0f5f0c7f3f8c9f6d2b3a4c5d6e7f8a9b",
    "550e8400-e29b-41d4-a716-446655440000",
    "20260724-101500-abcdefgh",
    "sk-learn-contrib-0.24 was installed",
    "task-12345678901234567890 is done",
    "basic ImageClassification2 and token embeddings_layer_12",
    '{"credentials": {"user": "me"}, "token": [1, 2, 3]}',
    "basic understanding of the bearer of the news",
    "hf_hub_download took 3.2 s",
    "The key-value store has 3 keys; keys: a, b, c",
    "epoch 3/10: loss=0.123, lr=1e-3, acc: 0.91",
    "PWD=/home/somebody/project",
    "-----BEGIN CERTIFICATE-----",
    "-----BEGIN PUBLIC KEY-----",
    "model.layers.0.self_attn.q_proj.weight: torch.Size([4096, 4096])",
    "Loaded /data/train/0123456789abcdef0123456789abcdef01234567.jpg",
]
"""Looks a little like a secret and must stay."""

SECRET_NAMES = """
    token access_token accessToken ACCESS_TOKEN x-auth-token _authToken hfToken HF_TOKEN token_2
    csrf_token password Password passwd user_password passwordHash password1 PGPASSWORD dbPassword
    DB_PASS smtp_pass MYSQL_PWD passphrase secret client_secret clientSecret SECRET_KEY secret_id
    secrets api_key apiKey APIKey apikey X-API-Key api_keys OPENAI_API_KEY api-key access_key
    AWS_SECRET_ACCESS_KEY private_key privateKey ssh_key signing_key encryption_key AccountKey
    SharedAccessKey DD_APP_KEY authorization Authorization proxy_authorization auth REDISCLI_AUTH
    basic_auth cookie Cookie set-cookie session_cookie dsn SENTRY_DSN credentials aws_credentials
    jwt bearer connection_string connectionString GITHUB_PAT otp token_value auth_header
"""

HARMLESS_NAMES = """
    tokens max_tokens maxTokens n_tokens tokenizer tokenizer_name TOKENIZERS_PARALLELISM
    token_count token_ids token_type_ids pad_token pad_token_id eos_token bos_token mask_token
    next_token time_per_token special_tokens num_tokens token_file token_url token_variable key
    keys key_id access_key_id primary_key foreign_key sort_key cache_key public_key keyboard
    keypoints monkey idempotency_key author authors authority author_name pass passed passes
    forward_pass compass password_field password_length secret_name secret_path secretary
    cookie_path cookiecutter credential_type credentials_file dsn_name pwd OLDPWD PWD path pattern
    pat string SSH_AUTH_SOCK auth_mode authentication session session_id seed hash id name value
    url host user username email plugin action params result metrics
"""
