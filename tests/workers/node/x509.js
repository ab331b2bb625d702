// Certificates.
import { Buffer } from "node:buffer";
import crypto, { X509Certificate } from "node:crypto";
import { equal, ok, same, throws } from "../assert.js";

/** A root of ECDSA that signed itself. */
const ROOT = `-----BEGIN CERTIFICATE-----
MIIBtjCCAVugAwIBAgITBmyf1XSXNmY/Owua2eiedgPySjAKBggqhkjOPQQDAjA5
MQswCQYDVQQGEwJVUzEPMA0GA1UEChMGQW1hem9uMRkwFwYDVQQDExBBbWF6b24g
Um9vdCBDQSAzMB4XDTE1MDUyNjAwMDAwMFoXDTQwMDUyNjAwMDAwMFowOTELMAkG
A1UEBhMCVVMxDzANBgNVBAoTBkFtYXpvbjEZMBcGA1UEAxMQQW1hem9uIFJvb3Qg
Q0EgMzBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABCmXp8ZBf8ANm+gBG1bG8lKl
ui2yEujSLtf6ycXYqm0fc4E7O5hrOXwzpcVOho6AF2hiRVd9RFgdszflZwjrZt6j
QjBAMA8GA1UdEwEB/wQFMAMBAf8wDgYDVR0PAQH/BAQDAgGGMB0GA1UdDgQWBBSr
ttvXBp43rDCGB5Fwx5zEGbF4wDAKBggqhkjOPQQDAgNJADBGAiEA4IWSoxe3jfkr
BqWTrBqYaGFy+uGh0PsceGCmQ5nFuMQCIQCcAu/xlJyzlvnrxir4tiz+OpAUFteM
YyRIHN8wfdVoOw==
-----END CERTIFICATE-----
`;

/** One of RSA with names of all kinds, which signed itself. */
const SITE = `-----BEGIN CERTIFICATE-----
MIIEGTCCAwGgAwIBAgIDChssMA0GCSqGSIb3DQEBCwUAMDwxCzAJBgNVBAYTAkRF
MRcwFQYDVQQKDA5TZWx2ZWRnZSwgSW5jLjEUMBIGA1UEAwwLZXhhbXBsZS5jb20w
IBcNMjYxMTI5MDkxMjU0WhgPMjEyNjExMDUwOTEyNTRaMDwxCzAJBgNVBAYTAkRF
MRcwFQYDVQQKDA5TZWx2ZWRnZSwgSW5jLjEUMBIGA1UEAwwLZXhhbXBsZS5jb20w
ggEiMA0GCSqGSIb3DQEBAQUAA4IBDwAwggEKAoIBAQDfvtA6boh+azZckTYY/Nvj
Y9aZBPAbXdsJO+sJToIdoj2b/PPTLl5Cf4kdpxul82i0sxYylqRwbwAteuYlLUK1
RPwB76GjkqR+uxkY/UrdwJ3pbdETHa9/+2Nxw9zWM6nugsTtD5DvuaESQKBwnBna
T0YsFMhWIhvGF0aAV72pfzni7iCRdV3s9wVvGoYzRBbykqOp2jLrDQ3FYURRKlsG
rqu+p7ELZhF/pCsQMwRyPxub4AM36MBOtg9dlezE9VN2F62vu8hOQGTNXWAIcmMR
rxfetaZ55m7XbMt0TaqFJB8HDAuTsuS0oFOIUJXcxU9FUHDD4cZ0vXlnST8gK7IJ
AgMBAAGjggEgMIIBHDAJBgNVHRMEAjAAMAsGA1UdDwQEAwIHgDAdBgNVHSUEFjAU
BggrBgEFBQcDAQYIKwYBBQUHAwIwZQYDVR0RBF4wXIILZXhhbXBsZS5jb22CDSou
ZXhhbXBsZS5vcmeHBMAAAgeHECABDbgAAAAAAAAAAAAAAAGBD2FkYUBleGFtcGxl
LmNvbYYVaHR0cHM6Ly9leGFtcGxlLmNvbS94MF0GCCsGAQUFBwEBBFEwTzAjBggr
BgEFBQcwAYYXaHR0cDovL29jc3AuZXhhbXBsZS5jb20wKAYIKwYBBQUHMAKGHGh0
dHA6Ly9jYS5leGFtcGxlLmNvbS9jYS5kZXIwHQYDVR0OBBYEFCYRtMeuOVepTBIt
pmZ9Sw1/Ln4tMA0GCSqGSIb3DQEBCwUAA4IBAQBC0y0wYFSKkY6yn/tXTMakPmhc
rsFLHpRc6xcNu488i2oTMkxubE5z6g+2d8mlz+G1+lrNKoYIlp3uBtswIfoOfDw8
2jRAhgFVkfBL0zAcMhvkS7mC3uAbHHqhqdErPxilzIJB7LFFxaZ86gHaU15BdIx5
vhoy5X00lOXXEBdvGHvEZnJSWqrdhchDDv9CNowi3ya9s4q5Qw9RGjKOmZEg+Tmt
FoQwNF3mSSx/qyA7FK4zIyGGbsqva2MHHJYBHRaImuyvQnonxv/HWAu1c4UpcfN/
mzbXK5nwE00obiz0gTWVXttVp3V3El6iUW3UngPCoPjKAiBoeAcYqBXa91Qg
-----END CERTIFICATE-----
`;

export const names_times_and_prints_of_a_root = {
  test() {
    const root = new X509Certificate(ROOT);
    equal(root.subject, "C=US\nO=Amazon\nCN=Amazon Root CA 3");
    equal(root.issuer, root.subject);
    equal(root.validFrom, "May 26 00:00:00 2015 GMT");
    equal(root.validTo, "May 26 00:00:00 2040 GMT");
    equal(root.serialNumber, "066C9FD5749736663F3B0B9AD9E89E7603F24A");
    equal(root.fingerprint, "0D:44:DD:8C:3C:8C:1A:1A:58:75:64:81:E9:0F:2E:2A:FF:B3:D2:6E");
    equal(
      root.fingerprint256,
      "18:CE:6C:FE:7B:F1:4E:60:B2:E3:47:B8:DF:E8:68:CB:31:D0:2E:BB:3A:DA:27:15:69:F5:03:43:B4:6D:B3:A4",
    );
    equal(root.ca, true);
    equal(root.raw.length, 442);
    equal(root.toString(), ROOT);
    equal(root.toJSON(), ROOT);
    ok(new X509Certificate(root.raw).raw.equals(root.raw));
  },
};

export const keys_and_signatures = {
  test() {
    const root = new X509Certificate(ROOT);
    const site = new X509Certificate(Buffer.from(SITE));
    same([root.publicKey.type, root.publicKey.asymmetricKeyType], ["public", "ec"]);
    equal(site.publicKey.asymmetricKeyType, "rsa");
    equal(root.verify(root.publicKey), true);
    equal(site.verify(site.publicKey), true);
    equal(root.checkIssued(root), true);
    equal(root.checkIssued(site), false);
    const { privateKey } = crypto.generateKeyPairSync("ec", { namedCurve: "P-256" });
    equal(root.checkPrivateKey(privateKey), false);
  },
};

export const names_that_a_certificate_is_for = {
  test() {
    const site = new X509Certificate(SITE);
    equal(
      site.subjectAltName,
      "DNS:example.com, DNS:*.example.org, IP Address:192.0.2.7, IP Address:2001:DB8:0:0:0:0:0:1, " +
        "email:ada@example.com, URI:https://example.com/x",
    );
    equal(site.infoAccess, "OCSP - URI:http://ocsp.example.com\nCA Issuers - URI:http://ca.example.com/ca.der\n");
    same(site.keyUsage, ["1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.2"]);
    equal(site.ca, false);
    equal(site.checkHost("example.com"), "example.com");
    equal(site.checkHost("a.example.org"), "*.example.org");
    for (const host of ["a.b.example.org", "example.org", "www.example.com"]) ok(site.checkHost(host) == null, host);
    ok(site.checkHost("a.example.org", { wildcards: false }) == null);
    equal(site.checkEmail("ada@EXAMPLE.com"), "ada@EXAMPLE.com");
    ok(site.checkEmail("bob@example.com") == null);
    equal(site.checkIP("192.0.2.7"), "192.0.2.7");
    equal(site.checkIP("2001:db8::1"), "2001:db8::1");
    ok(site.checkIP("192.0.2.8") == null);
  },
};

export const the_older_object_of_a_certificate = {
  test() {
    const legacy = new X509Certificate(SITE).toLegacyObject();
    same({ ...legacy.subject }, { C: "DE", O: "Selvedge, Inc.", CN: "example.com" });
    same([legacy.bits, legacy.exponent, legacy.serialNumber], [2048, "0x10001", "0A1B2C"]);
    equal(legacy.modulus.length, 512);
  },
};

export const what_is_no_certificate = {
  test() {
    throws(() => new X509Certificate("x"), Error);
    throws(() => new X509Certificate(ROOT.replace("MIIBtjCCAVug", "MIIBtjCCAVuA")), Error);
    equal(throws(() => new X509Certificate(), TypeError).code, "ERR_INVALID_ARG_TYPE");
    const root = new X509Certificate(ROOT);
    equal(throws(() => root.checkIssued({}), TypeError).code, "ERR_INVALID_ARG_TYPE");
  },
};
