//! TLS, SASL and OAuth: kept for the listeners that need them.

use super::{ANY, JVM_PLUGIN, TLS, ZERO, settings};
use crate::config::setting::{Range, Treatment};

const KERBEROS: Treatment = Treatment::Ignored("Kerberos is not offered");
const LOGIN: Treatment = Treatment::Ignored("logs a Java client in; there is none here");

settings! { ENCRYPTION_AND_LOGIN:
String "ssl.protocol" = "TLSv1.3", ANY, ReadOnly, TLS,
    "Preferred version of TLS.";
String "ssl.provider" = null, ANY, ReadOnly, Treatment::Ignored("names a Java security provider"),
    "Java security provider.";
List "ssl.cipher.suites" = "", ANY, ReadOnly, TLS,
    "Cipher suites that are offered; all that are safe when empty.";
List "ssl.enabled.protocols" = "TLSv1.2,TLSv1.3", Range::ListOf(&["TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"]), ReadOnly, TLS,
    "Versions of TLS that are offered.";
String "ssl.keystore.type" = "JKS", ANY, PerBroker, TLS,
    "Format of the key store: PEM, PKCS12 or JKS.";
String "ssl.keystore.location" = null, ANY, PerBroker, TLS,
    "File with this broker's key and certificates.";
Password "ssl.keystore.password" = null, ANY, PerBroker, TLS,
    "Password of the key store.";
Password "ssl.key.password" = null, ANY, PerBroker, TLS,
    "Password of the private key.";
Password "ssl.keystore.key" = null, ANY, PerBroker, TLS,
    "Private key itself, in PEM.";
Password "ssl.keystore.certificate.chain" = null, ANY, PerBroker, TLS,
    "Certificates themselves, in PEM.";
Password "ssl.truststore.certificates" = null, ANY, PerBroker, TLS,
    "Trusted certificates themselves, in PEM.";
String "ssl.truststore.type" = "JKS", ANY, PerBroker, TLS,
    "Format of the trust store: PEM, PKCS12 or JKS.";
String "ssl.truststore.location" = null, ANY, PerBroker, TLS,
    "File with the certificates to trust.";
Password "ssl.truststore.password" = null, ANY, PerBroker, TLS,
    "Password of the trust store.";
String "ssl.keymanager.algorithm" = "SunX509", ANY, ReadOnly, Treatment::Ignored("names a Java algorithm"),
    "Java key manager.";
String "ssl.trustmanager.algorithm" = "PKIX", ANY, ReadOnly, Treatment::Ignored("names a Java algorithm"),
    "Java trust manager.";
String "ssl.endpoint.identification.algorithm" = "https", ANY, ReadOnly, TLS,
    "Whether names in certificates are checked; empty for no.";
String "ssl.secure.random.implementation" = null, ANY, ReadOnly, Treatment::Ignored("names a Java random source"),
    "Java random source.";
Class "ssl.engine.factory.class" = null, ANY, ReadOnly, JVM_PLUGIN,
    "Java class that makes TLS engines.";
String "ssl.client.auth" = "none", Range::OneOf(&["required", "requested", "none", "REQUIRED", "REQUESTED", "NONE"]), ReadOnly, TLS,
    "Whether clients must show a certificate.";
String "ssl.principal.mapping.rules" = "DEFAULT", ANY, ReadOnly, TLS,
    "How a certificate's name becomes a user's.";
Bool "ssl.allow.dn.changes" = "false", ANY, ReadOnly, TLS,
    "Whether a new certificate may have another name.";
Bool "ssl.allow.san.changes" = "false", ANY, ReadOnly, TLS,
    "Whether a new certificate may have other alternative names.";
String "security.providers" = null, ANY, ReadOnly, JVM_PLUGIN,
    "Java classes that add security algorithms.";
Long "connections.max.reauth.ms" = "0", ANY, ReadOnly, TLS,
    "How long a login is good for; 0 for ever.";
Int "sasl.server.max.receive.size" = "524288", ANY, ReadOnly, TLS,
    "Largest message during a login.";
List "sasl.enabled.mechanisms" = "GSSAPI", ANY, PerBroker, TLS,
    "Login mechanisms that are offered.";
String "sasl.mechanism.inter.broker.protocol" = "GSSAPI", ANY, ReadOnly, TLS,
    "Login mechanism between brokers.";
String "sasl.mechanism.controller.protocol" = "GSSAPI", ANY, ReadOnly, TLS,
    "Login mechanism towards controllers.";
Password "sasl.jaas.config" = null, ANY, PerBroker, TLS,
    "Users and passwords of a mechanism, in JAAS form.";
Class "sasl.server.callback.handler.class" = null, ANY, ReadOnly, JVM_PLUGIN,
    "Java class that checks logins.";
Class "sasl.client.callback.handler.class" = null, ANY, ReadOnly, JVM_PLUGIN,
    "Java class that answers login questions.";
Class "sasl.login.callback.handler.class" = null, ANY, ReadOnly, JVM_PLUGIN,
    "Java class that answers login questions.";
Class "sasl.login.class" = null, ANY, ReadOnly, JVM_PLUGIN,
    "Java class that logs in.";
String "sasl.kerberos.service.name" = null, ANY, ReadOnly, KERBEROS,
    "Kerberos name of the service.";
String "sasl.kerberos.kinit.cmd" = "/usr/bin/kinit", ANY, ReadOnly, KERBEROS,
    "Program that gets Kerberos tickets.";
Double "sasl.kerberos.ticket.renew.window.factor" = "0.8", ANY, ReadOnly, KERBEROS,
    "When a Kerberos ticket is renewed.";
Double "sasl.kerberos.ticket.renew.jitter" = "0.05", ANY, ReadOnly, KERBEROS,
    "Randomness of that time.";
Long "sasl.kerberos.min.time.before.relogin" = "60000", ANY, ReadOnly, KERBEROS,
    "Least time between two Kerberos logins.";
List "sasl.kerberos.principal.to.local.rules" = "DEFAULT", ANY, PerBroker, KERBEROS,
    "How a Kerberos principal becomes a user.";
Double "sasl.login.refresh.window.factor" = "0.8", Range::Ratio(0.5, 1.0), ReadOnly, LOGIN,
    "When a login is refreshed.";
Double "sasl.login.refresh.window.jitter" = "0.05", Range::Ratio(0.0, 0.25), ReadOnly, LOGIN,
    "Randomness of that time.";
Short "sasl.login.refresh.min.period.seconds" = "60", Range::Between(0, 900), ReadOnly, LOGIN,
    "Least time between two refreshes.";
Short "sasl.login.refresh.buffer.seconds" = "300", Range::Between(0, 3600), ReadOnly, LOGIN,
    "Time kept before a login expires.";
Int "sasl.login.connect.timeout.ms" = null, ANY, ReadOnly, LOGIN,
    "How long a connection to an identity provider may take.";
Int "sasl.login.read.timeout.ms" = null, ANY, ReadOnly, LOGIN,
    "How long an identity provider's answer may take.";
Long "sasl.login.retry.backoff.max.ms" = "10000", ANY, ReadOnly, LOGIN,
    "Longest wait before a login is tried again.";
Long "sasl.login.retry.backoff.ms" = "100", ANY, ReadOnly, LOGIN,
    "First wait before a login is tried again.";
Class "sasl.oauthbearer.jwt.retriever.class" = "org.apache.kafka.common.security.oauthbearer.DefaultJwtRetriever", ANY, ReadOnly, JVM_PLUGIN,
    "Java class that gets tokens.";
Class "sasl.oauthbearer.jwt.validator.class" = "org.apache.kafka.common.security.oauthbearer.DefaultJwtValidator", ANY, ReadOnly, JVM_PLUGIN,
    "Java class that checks tokens.";
String "sasl.oauthbearer.scope" = null, ANY, ReadOnly, LOGIN,
    "Scope asked of an identity provider.";
String "sasl.oauthbearer.client.credentials.client.id" = null, ANY, ReadOnly, LOGIN,
    "Client id shown to an identity provider.";
Password "sasl.oauthbearer.client.credentials.client.secret" = null, ANY, ReadOnly, LOGIN,
    "Client secret shown to an identity provider.";
String "sasl.oauthbearer.assertion.algorithm" = "RS256", Range::OneOf(&["ES256", "RS256"]), ReadOnly, LOGIN,
    "Algorithm that signs an assertion.";
String "sasl.oauthbearer.assertion.claim.aud" = null, ANY, ReadOnly, LOGIN,
    "Audience in an assertion.";
Int "sasl.oauthbearer.assertion.claim.exp.seconds" = "300", Range::Between(0, 86_400), ReadOnly, LOGIN,
    "How long an assertion is good for.";
String "sasl.oauthbearer.assertion.claim.iss" = null, ANY, ReadOnly, LOGIN,
    "Issuer in an assertion.";
Bool "sasl.oauthbearer.assertion.claim.jti.include" = "false", ANY, ReadOnly, LOGIN,
    "Put an identity into an assertion.";
Int "sasl.oauthbearer.assertion.claim.nbf.seconds" = "60", Range::Between(0, 3600), ReadOnly, LOGIN,
    "How far back an assertion is good.";
String "sasl.oauthbearer.assertion.claim.sub" = null, ANY, ReadOnly, LOGIN,
    "Subject in an assertion.";
String "sasl.oauthbearer.assertion.file" = null, ANY, ReadOnly, LOGIN,
    "File with an assertion.";
String "sasl.oauthbearer.assertion.private.key.file" = null, ANY, ReadOnly, LOGIN,
    "File with the key that signs an assertion.";
Password "sasl.oauthbearer.assertion.private.key.passphrase" = null, ANY, ReadOnly, LOGIN,
    "Password of that key.";
String "sasl.oauthbearer.assertion.template.file" = null, ANY, ReadOnly, LOGIN,
    "File with more fields of an assertion.";
String "sasl.oauthbearer.scope.claim.name" = "scope", ANY, ReadOnly, TLS,
    "Field of a token that has the scope.";
String "sasl.oauthbearer.sub.claim.name" = "sub", ANY, ReadOnly, TLS,
    "Field of a token that has the user.";
String "sasl.oauthbearer.token.endpoint.url" = null, ANY, ReadOnly, LOGIN,
    "Where an identity provider gives tokens.";
String "sasl.oauthbearer.jwks.endpoint.url" = null, ANY, ReadOnly, TLS,
    "Where an identity provider shows its keys.";
Long "sasl.oauthbearer.jwks.endpoint.refresh.ms" = "3600000", ANY, ReadOnly, TLS,
    "How often those keys are read again.";
Long "sasl.oauthbearer.jwks.endpoint.retry.backoff.max.ms" = "10000", ANY, ReadOnly, TLS,
    "Longest wait before those keys are asked for again.";
Long "sasl.oauthbearer.jwks.endpoint.retry.backoff.ms" = "100", ANY, ReadOnly, TLS,
    "First wait before those keys are asked for again.";
Int "sasl.oauthbearer.clock.skew.seconds" = "30", ZERO, ReadOnly, TLS,
    "How far clocks may differ when a token is checked.";
List "sasl.oauthbearer.expected.audience" = "", ANY, ReadOnly, TLS,
    "Audiences of which a token must name one.";
String "sasl.oauthbearer.expected.issuer" = null, ANY, ReadOnly, TLS,
    "Issuer that a token must name.";
Bool "sasl.oauthbearer.header.urlencode" = "false", ANY, ReadOnly, LOGIN,
    "Encode client id and secret in the request's header.";
}
