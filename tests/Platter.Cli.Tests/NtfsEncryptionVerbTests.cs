using System.Security.Cryptography.X509Certificates;
using System.Text;
using Platter.Testing;
using Platter.Testing.Ntfs;
using Platter.Testing.Volumes;
using Xunit;

namespace Platter.Cli.Tests;

/// <summary>Encrypted files (EFS) by verbs: decrypted by a key file, kept by raw copies.</summary>
public sealed class NtfsEncryptionVerbTests : IDisposable
{
    private const string Password = "pass phrase";

    private static readonly byte[] Plain = ConformanceCase.Bytes(10_000);

    private readonly TempFolder _folder = new();
    private readonly X509Certificate2 _certificate = EfsMaker.Certificate();
    private readonly string _image, _key, _passwords;
    private readonly byte[] _raw;

    public NtfsEncryptionVerbTests()
    {
        (_image, _key, _passwords) = (_folder.File("ntfs.img"), _folder.File("key.pfx"), _folder.File("password"));
        var fileKey = EfsMaker.Key(EfsCipher.Aes256);
        _raw = EfsMaker.Raw(EfsCipher.Aes256, fileKey, Plain);
        File.WriteAllBytes(_key, _certificate.Export(X509ContentType.Pkcs12, Password));
        File.WriteAllText(_passwords, Password + "\n");
        File.WriteAllBytes(_folder.File("raw"), _raw);
        Cli.Expect("mkfs", _image, "-t", "ntfs", "--size", "32M");
        Cli.Expect("mkdir", _image, "/dir");
        Cli.Expect("put", _image, _folder.File("raw"), "/dir/secret");
        Cli.Expect("xattr", "set", _image, "/dir/secret", "user.ntfs.efsinfo", "0x" + Convert.ToHexString(EfsMaker.Keys(EfsCipher.Aes256, fileKey, new EfsReader(_certificate))));
        Cli.Expect("check", _image);
    }

    public void Dispose()
    {
        _certificate.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public void A_key_file_decrypts_and_its_password_is_in_a_file_or_the_environment()
    {
        Assert.Equal(Plain, Cli.Expect("cat", _image, "/dir/secret", "--efs-key", _key, "--efs-password-file", _passwords).Bytes);
        Assert.Equal(Plain, Cli.Spawn(null, [], [("PLATTER_EFS_PASSWORD", Password)], "cat", _image, "/dir/secret", "--efs-key", _key).Bytes);
        Cli.Expect("get", _image, "/dir", _folder.File("out"), "--efs-key", _key, "--efs-password-file", _passwords);
        Assert.Equal(Plain, File.ReadAllBytes(_folder.File("out/secret")));
        Cli.Expect("cp", _image, "/dir/secret", "/open", "--efs-key", _key, "--efs-password-file", _passwords);
        Assert.Equal(Plain, Cli.Expect("cat", _image, "/open").Bytes);
        Assert.Contains("encrypted", Cli.Expect("stat", _image, "/dir/secret").Output, StringComparison.Ordinal);
        Assert.DoesNotContain("encrypted", Cli.Expect("stat", _image, "/open").Output, StringComparison.Ordinal);

        // Without a password there is nothing to ask for.
        File.WriteAllBytes(_folder.File("open.pfx"), _certificate.Export(X509ContentType.Pkcs12));
        Assert.Equal(Plain, Cli.Spawn(null, [], [], "cat", _image, "/dir/secret", "--efs-key", _folder.File("open.pfx")).Bytes);
    }

    [Fact]
    public void A_key_comes_through_a_pipe()
    {
        var command = $"'{Cli.Executable}' cat '{_image}' /dir/secret --efs-key <(cat '{_key}') --efs-password-file '{_passwords}' > '{_folder.File("plain")}'";
        Tool.Expect("bash", "-c", command);
        Assert.Equal(Plain, File.ReadAllBytes(_folder.File("plain")));
        Assert.Contains("has more than 1048576 bytes", Cli.Fails(2, "cat", _image, "/dir/secret", "--efs-key", "/dev/zero").Error, StringComparison.Ordinal);
    }

    [Fact]
    public void A_password_is_asked_for_at_the_terminal()
    {
        var command = $"'{Cli.Executable}' cat '{_image}' /dir/secret --efs-key '{_key}' > '{_folder.File("plain")}'";
        var asked = Tool.Run(_folder.Path, Encoding.UTF8.GetBytes("pass phrasx\bxx\u007f\u007fe\r"), "script", "-qec", command, "/dev/null");
        // What was typed ahead the terminal has shown by itself.
        var prompt = asked.Output.IndexOf("Password of", StringComparison.Ordinal);
        Assert.True(prompt >= 0, asked.Output);
        Assert.DoesNotContain("phras", asked.Output[prompt..], StringComparison.Ordinal);
        Assert.Equal(Plain, File.ReadAllBytes(_folder.File("plain")));
    }

    [Fact]
    public void What_does_not_fit_ends_in_one_line_with_its_exit_code()
    {
        Says(7, "--efs-key", "cat", _image, "/dir/secret");
        File.WriteAllText(_folder.File("wrong"), "wrong");
        Says(8, "the password is wrong", "cat", _image, "/dir/secret", "--efs-key", _key, "--efs-password-file", _folder.File("wrong"));
        using var other = EfsMaker.Certificate();
        File.WriteAllBytes(_folder.File("other.pfx"), other.Export(X509ContentType.Pkcs12, Password));
        Says(8, _certificate.Thumbprint, "cat", _image, "/dir/secret", "--efs-key", _folder.File("other.pfx"), "--efs-password-file", _passwords);
        Says(3, "nowhere.pfx", "cat", _image, "/dir/secret", "--efs-key", _folder.File("nowhere.pfx"));
        Says(3, "nothing", "cat", _image, "/dir/secret", "--efs-key", _key, "--efs-password-file", _folder.File("nothing"));
        Says(2, "PKCS #12", "cat", _image, "/dir/secret", "--efs-key", _folder.File("raw"));
        Says(2, "one of them", "cat", _image, "/dir/secret", "--efs-key", _key, "--raw-encrypted");
        var alone = Cli.Spawn(null, [], [], "cat", _image, "/dir/secret", "--efs-key", _key);
        Assert.Equal(8, alone.Code);
        Assert.Contains("--efs-password-file", alone.Error, StringComparison.Ordinal);
        Assert.Equal(1, alone.Error.Count(c => c == '\n'));
        Says(7, "can't be changed", "truncate", "-s", "5", _image, "/dir/secret", "--raw-encrypted");

        static void Says(int code, string what, params string[] args) => Assert.Contains(what, Cli.Fails(code, args).Error, StringComparison.Ordinal);
    }

    [Fact]
    public void A_raw_copy_keeps_encrypted_files_in_folders_archives_and_other_volumes()
    {
        Assert.Equal(_raw, Cli.Expect("cat", _image, "/dir/secret", "--raw-encrypted").Bytes);
        Cli.Expect("get", _image, "/dir", _folder.File("backup"), "--raw-encrypted");
        Assert.Equal(_raw, File.ReadAllBytes(_folder.File("backup/secret")));
        Cli.Expect("repack", _image, "-o", _folder.File("backup.tar"), "--raw-encrypted");
        Cli.Expect("create", "-t", "ntfs", "-o", _folder.File("second.img"), _folder.File("backup.tar"));
        Cli.Expect("put", _folder.File("second.img"), _folder.File("backup"), "/again");
        Cli.Expect("cp", _folder.File("second.img"), "/dir/secret", "/third", "--raw-encrypted");
        foreach (var path in new[] { "/dir/secret", "/again/secret", "/third" })
        {
            Assert.Equal(Plain, Cli.Expect("cat", _folder.File("second.img"), path, "--efs-key", _key, "--efs-password-file", _passwords).Bytes);
            Assert.Contains("encrypted", Cli.Expect("stat", _folder.File("second.img"), path).Output, StringComparison.Ordinal);
        }
        Cli.Expect("check", _folder.File("second.img"));
        // Where the keys cannot be kept the ciphertext is worth nothing.
        var lost = Cli.Run("repack", _image, "-o", _folder.File("fat2.img"), "-t", "fat32", "--raw-encrypted");
        Assert.Equal(7, lost.Code);
        Assert.Contains("no extended attributes for the keys", lost.Error, StringComparison.Ordinal);
        Assert.Contains("encrypted already", Cli.Fails(7, "xattr", "set", _image, "/dir/secret", "user.ntfs.efsinfo", "0x" + new string('0', 200)).Error, StringComparison.Ordinal);
    }
}
