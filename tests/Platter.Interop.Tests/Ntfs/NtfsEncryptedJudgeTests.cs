using System.Security.Cryptography.X509Certificates;
using Platter.Blocks;
using Platter.FileSystems;
using Platter.FileSystems.Ntfs;
using Platter.Testing;
using Platter.Testing.Ntfs;
using Platter.Testing.Volumes;
using Xunit;

namespace Platter.Interop.Tests.Ntfs;

/// <summary>Encrypted files (EFS) beside ntfs-3g, which makes them of ciphertext and keys and gives both out again, and ntfsdecrypt, which decrypts.</summary>
public sealed class NtfsEncryptedJudgeTests : IDisposable
{
    private const string Password = "correct horse";

    private static readonly int[] Lengths = [0, 1, 511, 512, 513, 4096, 5000, 65_536, 200_003];

    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(EfsCipher.Aes256, false)]
    [InlineData(EfsCipher.Aes256, true)]
    [InlineData(EfsCipher.TripleDes, false)]
    [InlineData(EfsCipher.DesX, false)]
    public void What_ntfs_3g_restored_and_ntfsdecrypt_decrypts_Platter_decrypts(EfsCipher cipher, bool isAgent)
    {
        using var certificate = EfsMaker.Certificate(isAgent);
        using var other = EfsMaker.Certificate();
        var (path, key) = (_folder.File("volume.img"), EfsMaker.Key(cipher));
        Ntfs3g.Make(path, 16 << 20, "-c 1024");
        File.WriteAllBytes(_folder.File("keys"), EfsMaker.Keys(cipher, key, new EfsReader(other), new EfsReader(certificate, isAgent)));
        foreach (var length in Lengths)
            File.WriteAllBytes(_folder.File($"raw{length}"), EfsMaker.Raw(cipher, key, ConformanceCase.Bytes(length)));
        Restore(path);

        using var device = HostFile.Open(path, FileAccess.Read);
        using var keys = EfsKeys.Read(certificate.Export(X509ContentType.Pkcs12, Password), Password);
        using var volume = NtfsVolume.Open(device, new VolumeOptions { EfsKeys = keys });
        using var raw = NtfsVolume.Open(device, new VolumeOptions { RawEncrypted = true });
        File.WriteAllBytes(_folder.File("key.pfx"), certificate.Export(X509ContentType.Pkcs12, Password));
        foreach (var length in Lengths)
        {
            var file = volume.Find($"/f{length}");
            Assert.Equal(length, file.Metadata.Length);
            Assert.Equal(ConformanceCase.Bytes(length), Content(file));
            Assert.Equal(File.ReadAllBytes(_folder.File($"raw{length}")), Content(raw.Find($"/f{length}")));
            Assert.Equal(ConformanceCase.Bytes(length), Decrypt(path, $"/f{length}"));
        }
        NtfsCheck.AssertClean(device);
    }

    [Theory]
    [InlineData(EfsCipher.Aes256)]
    [InlineData(EfsCipher.TripleDes)]
    [InlineData(EfsCipher.DesX)]
    public void What_Platter_restored_ntfs_3g_gives_out_and_ntfsdecrypt_decrypts(EfsCipher cipher)
    {
        using var certificate = EfsMaker.Certificate();
        var (path, key) = (_folder.File("volume.img"), EfsMaker.Key(cipher));
        var efs = EfsMaker.Keys(cipher, key, new EfsReader(certificate));
        File.WriteAllBytes(_folder.File("key.pfx"), certificate.Export(X509ContentType.Pkcs12, Password));
        Ntfs3g.Make(path, 16 << 20, "-c 4096");
        using (var device = HostFile.Open(path, FileAccess.ReadWrite))
        using (var volume = new NtfsType().OpenForEditing(device, VolumeOptions.Default))
        {
            foreach (var length in Lengths)
            {
                var raw = EfsMaker.Raw(cipher, key, ConformanceCase.Bytes(length));
                File.WriteAllBytes(_folder.File($"raw{length}"), raw);
                var id = volume.CreateFile(volume.RootId, $"f{length}", new MemoryStream(raw), null, MetadataChange.None);
                using (var stream = volume.OpenWrite(id, StreamName.Named("second")))
                    stream.WriteAt(0, raw);
                volume.SetExtendedAttribute(id, "user.ntfs.efsinfo", efs);
            }
            volume.Commit();
        }
        Ntfs3g.Run(path, string.Join('\n', Lengths.Select(n => $"cmp f{n} \"$HERE/raw{n}\"; cmp f{n}:second \"$HERE/raw{n}\""))
            + "\nfor f in f*; do getfattr --only-values -n system.ntfs_efsinfo $f > \"$HERE/efs-$f\"; done", "streams_interface=windows,efs_raw,ro");
        foreach (var length in Lengths)
        {
            Assert.Equal(efs, File.ReadAllBytes(_folder.File($"efs-f{length}")));
            Assert.Equal(ConformanceCase.Bytes(length), Decrypt(path, $"/f{length}"));
        }
        Assert.Null(NtfsFixture.Complaint(ScratchDevice.Load(path)));

        // ntfsdecrypt encrypts, too, by keys that are there.
        var plain = ConformanceCase.Bytes(150_001, 4);
        var result = Tool.Run(_folder.Path, [.. System.Text.Encoding.UTF8.GetBytes(Password + "\n"), .. plain], "setsid", "-w", "ntfsdecrypt", "-e", "-k", "key.pfx", path, "/f5000");
        Assert.True(result.ExitCode == 0, result.All);
        using var changed = HostFile.Open(path, FileAccess.Read);
        using var keys = EfsKeys.Read(File.ReadAllBytes(_folder.File("key.pfx")), Password);
        using var read = NtfsVolume.Open(changed, new VolumeOptions { EfsKeys = keys });
        Assert.Equal(plain, Content(read.Find("/f5000")));
    }

    // Writes raw contents, and gives them their keys.
    private void Restore(string path) => Ntfs3g.Run(path, string.Join('\n', Lengths.Select(n => $"cat \"$HERE/raw{n}\" > f{n}")) + """

        for f in f*; do setfattr -n system.ntfs_efsinfo -v 0x$(od -An -v -tx1 "$HERE/keys" | tr -d ' \n') $f; done
        """, "streams_interface=windows,efs_raw");

    private byte[] Decrypt(string path, string file)
    {
        // Without a terminal the password comes from standard input.
        var result = Tool.Run(_folder.Path, System.Text.Encoding.UTF8.GetBytes(Password + "\n"), "setsid", "-w", "bash", "-c", $"ntfsdecrypt -k key.pfx {path} {file} > plain");
        Assert.True(result.ExitCode == 0, result.All);
        return File.ReadAllBytes(_folder.File("plain"));
    }

    private static byte[] Content(Node file)
    {
        using var stream = file.OpenRead();
        var bytes = new byte[stream.Length];
        stream.ReadExactly(bytes);
        return bytes;
    }
}
