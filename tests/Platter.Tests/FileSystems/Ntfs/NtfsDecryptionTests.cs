using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Platter.FileSystems;
using Platter.FileSystems.Ntfs;
using Platter.Testing.Ntfs;
using Platter.Testing.Volumes;
using Xunit;

namespace Platter.Tests.FileSystems.Ntfs;

/// <summary>Encrypted files, decrypted by certificates: which fit, what is read, and what $EFS may be like.</summary>
public class NtfsDecryptionTests
{
    private static readonly RSA Key = RSA.Create(2048);
    private static readonly X509Certificate2 Own = EfsMaker.Certificate(Key), Other = EfsMaker.Certificate();

    public static TheoryData<EfsCipher, string, int> Forms => new()
    {
        { EfsCipher.Aes256, "-c 512", 513 }, { EfsCipher.Aes256, "-c 4096", 300_001 }, { EfsCipher.Aes256, "-c 65536", 70_000 },
        { EfsCipher.TripleDes, "-c 1024", 20_000 }, { EfsCipher.DesX, "-c 2048", 20_481 },
    };

    [Theory]
    [MemberData(nameof(Forms))]
    public void Any_part_of_an_encrypted_stream_can_be_read(EfsCipher cipher, string arguments, int length)
    {
        var fileKey = EfsMaker.Key(cipher);
        var device = NtfsFixture.Empty(arguments, 16 << 20);
        var plain = ConformanceCase.Bytes(length);
        using (var volume = Edit(device))
        {
            var id = volume.CreateFile(volume.RootId, "secret", new MemoryStream(EfsMaker.Raw(cipher, fileKey, plain)), null, MetadataChange.None);
            using (var second = volume.OpenWrite(id, StreamName.Named("second")))
                second.WriteAt(0, EfsMaker.Raw(cipher, fileKey, plain.AsSpan(100)));
            volume.SetExtendedAttribute(id, "user.ntfs.efsinfo", EfsMaker.Keys(cipher, fileKey, new EfsReader(Own)));
            volume.Commit();
            Assert.Equal(length, volume.GetMetadata(id).Length);
        }
        NtfsCheck.AssertClean(device);
        using var read = Open(device, Own);
        Assert.Equal(length, read.Find("/secret").Metadata.Length);
        using var stream = read.Find("/secret").OpenRead();
        Assert.Equal(plain, All(stream));
        var dice = new Random(5);
        for (var i = 0; i < 100; i++)
        {
            var offset = dice.Next(length + 600);
            var buffer = new byte[dice.Next(2000)];
            var n = stream.ReadAt(offset, buffer);
            Assert.Equal(Math.Clamp(length - offset, 0, buffer.Length), n);
            Assert.Equal(plain.Skip(offset).Take(n), buffer[..n]);
        }
        using var named = read.OpenRead(read.Find("/secret").Id, StreamName.Named("second"));
        Assert.Equal(plain[100..], All(named));

        // The same while the volume is edited.
        using var edited = new NtfsType().OpenForEditing(device, new VolumeOptions { EfsKeys = Keys(Own) });
        using var open = edited.Find("/secret").OpenRead();
        Assert.Equal(plain, All(open));
    }

    [Fact]
    public void A_certificate_fits_as_a_user_or_a_recovery_agent_or_by_its_key_alone()
    {
        foreach (var reader in new[] { new EfsReader(Own), new EfsReader(Own, IsAgent: true), new EfsReader(EfsMaker.Certificate(Key)), new EfsReader(Own) { IsMisnamed = true } })
        {
            using var volume = Open(Made(new EfsReader(Other), reader, new EfsReader(EfsMaker.Certificate(), IsAgent: true)), Own);
            Assert.Equal(Plain, All(volume.Find("/secret").OpenRead()));
        }
    }

    [Fact]
    public void Who_has_no_key_is_told_whose_there_are()
    {
        using var volume = Open(Made(new EfsReader(Other)), Own);
        var refused = Assert.Throws<UnauthorizedAccessException>(() => volume.Find("/secret").OpenRead());
        Assert.Contains(Other.Thumbprint, refused.Message, StringComparison.Ordinal);
        using var nobody = Open(Made(), Own);
        Assert.Contains("none at all", Assert.Throws<UnauthorizedAccessException>(() => nobody.Find("/secret").OpenRead()).Message, StringComparison.Ordinal);
        using var card = Open(Made(new EfsReader(Own) { Flags = 1 }), Own);
        Assert.Contains("smart card", Assert.Throws<UnsupportedFeatureException>(() => card.Find("/secret").OpenRead()).Message, StringComparison.Ordinal);
        using var keyless = Open(Made(new EfsReader(Own)), null);
        Assert.Contains("--efs-key", Assert.Throws<UnsupportedFeatureException>(() => keyless.Find("/secret").OpenRead()).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_that_is_refused_leaves_the_key_of_another_as_it_was()
    {
        var device = Made(new EfsReader(Own));
        var foreign = EfsMaker.Keys((EfsCipher)0x660E, new byte[16], new EfsReader(Own));
        using (var edited = Edit(device))
        {
            var id = edited.CreateFile(edited.RootId, "foreign", new MemoryStream(EfsMaker.Raw(EfsCipher.Aes256, FileKey, Plain)), null, MetadataChange.None);
            edited.SetExtendedAttribute(id, "user.ntfs.efsinfo", foreign);
            edited.Commit();
        }
        using var volume = Open(device, Own);
        for (var i = 0; i < 2; i++)
        {
            Assert.Equal(Plain, All(volume.Find("/secret").OpenRead()));
            Assert.Throws<UnsupportedFeatureException>(() => volume.Find("/foreign").OpenRead());
        }
    }

    [Fact]
    public void What_EFS_says_that_is_not_known_or_not_so_is_named()
    {
        var named = EfsMaker.Keys(EfsCipher.Aes256, FileKey, new EfsReader(Other));
        var at = named.AsSpan().IndexOf(Other.GetCertHash());
        Own.GetCertHash().CopyTo(named, at);
        Assert.Equal("NTFS-0503", Assert.Throws<DiskFormatException>(() => Read(named)).Code);

        var later = EfsMaker.Keys(EfsCipher.Aes256, FileKey, new EfsReader(Own));
        later[8] = 4;
        Assert.Contains("version 4", Assert.Throws<UnsupportedFeatureException>(() => Read(later)).Message, StringComparison.Ordinal);
        Assert.Contains("version 6", Assert.Throws<UnsupportedFeatureException>(() => Read([.. ".pfile"u8, .. new byte[200]])).Message, StringComparison.Ordinal);
        var foreign = EfsMaker.Keys((EfsCipher)0x660E, new byte[16], new EfsReader(Own));
        Assert.Contains("0x660E", Assert.Throws<UnsupportedFeatureException>(() => Read(foreign)).Message, StringComparison.Ordinal);

        static byte[] Read(byte[] keys)
        {
            using var volume = Open(Made(keys), Own);
            return All(volume.Find("/secret").OpenRead());
        }
    }

    [Fact]
    public void Broken_keys_are_told_by_reading_and_by_a_check_and_never_read_past()
    {
        var keys = EfsMaker.Keys(EfsCipher.Aes256, FileKey, new EfsReader(Own), new EfsReader(Other, IsAgent: true));
        var entries = new List<NtfsEfsEntry>();
        Assert.Null(NtfsEfs.Parse(keys, entries, out var version));
        Assert.Equal((2, 2U), (entries.Count, version));
        for (var length = 0; length < keys.Length; length++)
            Assert.NotNull(NtfsEfs.Parse(keys.AsSpan(0, length), [], out _));
        // With every length told right: what lists and entries say then.
        for (var length = 4; length < keys.Length; length++)
        {
            var cut = keys[..length];
            BinaryPrimitives.WriteInt32LittleEndian(cut, length);
            Assert.NotNull(NtfsEfs.Parse(cut, [], out _));
        }
        var told = 0;
        foreach (var flip in new byte[] { 0x01, 0x80, 0xFF })
        {
            for (var i = 0; i < keys.Length; i++)
            {
                var flipped = (byte[])keys.Clone();
                flipped[i] ^= flip;
                told += NtfsEfs.Parse(flipped, [], out _) is null ? 0 : 1;
            }
        }
        Assert.True(told > 100, $"{told} were told");

        var device = Made(keys);
        var place = Place(device, keys);
        device.Write(place, [0xFF]);
        using (var volume = Open(device, Own))
            Assert.Equal("NTFS-0503", Assert.Throws<DiskFormatException>(() => volume.Find("/secret").OpenRead()).Code);
        Assert.Contains(new NtfsType().Check(device, CheckOptions.Default).Findings, f => f.Code == "NTFS-0503");
    }

    [Fact]
    public void Keys_with_any_byte_changed_give_the_content_or_an_error()
    {
        var keys = EfsMaker.Keys(EfsCipher.Aes256, FileKey, new EfsReader(Own), new EfsReader(Other, IsAgent: true));
        var device = Made(keys);
        var place = Place(device, keys);
        var refused = 0;
        for (var i = 0; i < keys.Length; i++)
        {
            device.Write(place + i, [(byte)(keys[i] ^ 0x55)]);
            try
            {
                using var volume = Open(device, Own);
                Assert.Equal(Plain, All(volume.Find("/secret").OpenRead()));
            }
            catch (Exception e) when (e is DiskFormatException or UnauthorizedAccessException or UnsupportedFeatureException)
            {
                refused++;
            }
            device.Write(place + i, [keys[i]]);
        }
        Assert.True(refused > 256, $"{refused} of {keys.Length} were refused");
    }

    [Fact]
    public void A_key_file_tells_wrong_passwords_from_what_is_no_key_file()
    {
        var pfx = Own.Export(X509ContentType.Pkcs12, "right");
        Assert.Throws<UnauthorizedAccessException>(() => EfsKeys.Read(pfx, "wrong"));
        Assert.Throws<UnauthorizedAccessException>(() => EfsKeys.Read(pfx, null));
        Assert.Throws<FormatException>(() => EfsKeys.Read(new byte[500], "right"));
        Assert.Throws<FormatException>(() => EfsKeys.Read(pfx.AsSpan(0, 600), "right"));
        using var lone = X509CertificateLoader.LoadCertificate(Own.Export(X509ContentType.Cert));
        Assert.Contains("private", Assert.Throws<FormatException>(() => EfsKeys.Read(lone.Export(X509ContentType.Pkcs12), null)).Message, StringComparison.Ordinal);
        using var elliptic = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var signed = new CertificateRequest("CN=Platter", elliptic, HashAlgorithmName.SHA256).CreateSelfSigned(DateTimeOffset.UtcNow, DateTimeOffset.UtcNow.AddDays(1));
        Assert.Throws<FormatException>(() => EfsKeys.Read(signed.Export(X509ContentType.Pkcs12), null));
        using var keys = EfsKeys.Read(pfx, "right");
        Assert.Equal(1, keys.Count);
    }

    // libntfs knows the block from a file of Windows (crypto.c, ntfs_des_test): a disk's key, and what DES makes with the key that follows from it.
    [Fact]
    public void DESX_takes_the_key_that_libntfs_has_from_Windows()
    {
        byte[] secret = [16, 0, 0, 0, 128, 0, 0, 0, 0x04, 0x66, 0, 0, 0, 0, 0, 0, .. Convert.FromHexString("a1f9e0b253239e8f0f9145d98e20ec30")];
        using var key = NtfsFileKey.TryParse(secret)!;
        var (sector, plain) = (new byte[512], new byte[512]);
        Xor(Convert.FromHexString("dcf7682aaf48530f"), Convert.FromHexString("edda4c476049db8d")).CopyTo(sector, 0);
        key.Decrypt(0, sector, plain);
        var expected = Xor(Xor(Convert.FromHexString("d8d915235b880e09"), Convert.FromHexString("75f6a01ac0ca281e")), BitConverter.GetBytes(0x169119629891AD13));
        Assert.Equal(expected, plain[..8]);
    }

    private static byte[] Xor(byte[] a, byte[] b) => [.. a.Zip(b, (x, y) => (byte)(x ^ y))];

    private static byte[] FileKey { get; } = EfsMaker.Key(EfsCipher.Aes256);

    private static byte[] Plain { get; } = ConformanceCase.Bytes(3000, 3);

    private static EditableVolume Edit(ScratchDevice device) => new NtfsType().OpenForEditing(device, VolumeOptions.Default);

    private static NtfsVolume Open(ScratchDevice device, X509Certificate2? certificate) =>
        NtfsVolume.Open(device, new VolumeOptions { EfsKeys = certificate is null ? null : Keys(certificate) });

    private static EfsKeys Keys(X509Certificate2 certificate) => EfsKeys.Read(certificate.Export(X509ContentType.Pkcs12), null);

    private static ScratchDevice Made(params EfsReader[] readers) => Made(EfsMaker.Keys(EfsCipher.Aes256, FileKey, readers));

    private static ScratchDevice Made(byte[] keys)
    {
        var device = NtfsFixture.Empty("-c 512", 4 << 20);
        using var volume = Edit(device);
        var id = volume.CreateFile(volume.RootId, "secret", new MemoryStream(EfsMaker.Raw(EfsCipher.Aes256, FileKey, Plain)), null, MetadataChange.None);
        volume.SetExtendedAttribute(id, "user.ntfs.efsinfo", keys);
        volume.Commit();
        return device;
    }

    // Where $EFS lies: too long for the record, in clusters of its own.
    private static long Place(ScratchDevice device, byte[] keys)
    {
        using var volume = NtfsVolume.Open(device, VolumeOptions.Default);
        var run = volume.OpenFile(volume.Find("/secret").Id).Open(NtfsAttributeType.LoggedUtilityStream, NtfsEfs.StreamName)!.Runs[0];
        Assert.True(run.Count << 9 >= keys.Length);
        return run.Lcn << 9;
    }

    private static byte[] All(VolumeStream stream)
    {
        var bytes = new byte[stream.Length];
        stream.ReadExactly(bytes);
        return bytes;
    }
}
