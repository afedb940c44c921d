using System.Buffers.Binary;
using Platter.FileSystems;
using Platter.FileSystems.Ntfs;
using Platter.Primitives;
using Platter.Testing;
using Platter.Testing.Ntfs;
using Xunit;

namespace Platter.Tests.FileSystems.Ntfs;

/// <summary>What tools at hand do not make: put into a volume that Windows made.</summary>
public class NtfsVolumeTests
{
    private static readonly Lazy<byte[]> Sound = new(() =>
    {
        using var folder = new TempFolder();
        return File.ReadAllBytes(Corpus.Unpack(Corpus.Images.Single(i => i.File == "ntfs/velociraptor-test.img.zst"), folder));
    });

    [Fact]
    public void The_volumes_own_files_are_found_and_not_listed()
    {
        using var volume = NtfsVolume.Open(new NtfsDamage(Sound.Value.ToArray()).Device, VolumeOptions.Default);
        Assert.DoesNotContain(volume.Root.Entries, e => e.Name is "$MFT" or "$Extend" or ".");
        Assert.Equal(256 * 1024, volume.Find("/$mft").Length);
        Assert.Contains(volume.Find("/$Extend").Entries, e => e.Name == "$ObjId");
        Assert.False(volume.TryFind("/.", out _));
        using var capitals = volume.Find("/$UpCase").OpenRead();
        Assert.Equal(131072, capitals.Length);
        Assert.Equal(["$SDS"], volume.GetStreams(volume.Find("/$Secure").Id).Select(s => s.Name.Name));
    }

    [Fact]
    public void Half_a_surrogate_pair_in_a_name_survives()
    {
        var damage = new NtfsDamage(Sound.Value.ToArray());
        Rename(damage, "just_a_file.txt", "just_a_file.tx\uD83D");
        using var volume = NtfsVolume.Open(damage.Device, VolumeOptions.Default);
        var entry = volume.Root.Entries.Single(e => e.Name.StartsWith("just_a", StringComparison.Ordinal));
        Assert.Equal("just_a_file.tx\uD83D", entry.Name);
        Assert.Equal(entry.Id, volume.Find("/JUST_A_FILE.TX\uD83D").Id);
        Assert.Equal(12, entry.Length);
    }

    [Fact]
    public void A_case_sensitive_directory_finds_the_very_name_alone()
    {
        var damage = new NtfsDamage(Sound.Value.ToArray());
        using (var before = NtfsVolume.Open(damage.Device, VolumeOptions.Default))
            Assert.True(before.TryFind("/JUST_A_FILE.TXT", out _));
        damage.EditValue(damage.Records().First(r => r.Number == NtfsMft.RootRecord), NtfsAttributeType.StandardInformation, v => v.Span[0x28] |= 1);
        using var volume = NtfsVolume.Open(damage.Device, VolumeOptions.Default);
        Assert.False(volume.TryFind("/JUST_A_FILE.TXT", out _));
        Assert.True(volume.TryFind("/just_a_file.txt", out _));
        Assert.True(volume.TryFind("/Folder A/FOLDER B", out _));
    }

    [Fact]
    public void A_volume_of_Windows_NT_4_is_read()
    {
        // Version 1.2: shorter record heads, so the update sequence starts earlier; no number in the record; $STANDARD_INFORMATION of 48 bytes.
        var damage = new NtfsDamage(Sound.Value.ToArray());
        var records = damage.Records().ToList();
        foreach (var record in records)
        {
            record.TryFind(NtfsAttributeType.StandardInformation, "", out var information);
            var at = information.IsEnd ? -1 : information.Offset;
            damage.Edit(record, bytes =>
            {
                bytes.AsSpan(0x2A, 6).Clear();
                BinaryPrimitives.WriteUInt16LittleEndian(bytes.AsSpan(4), 0x2A);
                if (at >= 0)
                    BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(at + 0x10), 48);
            });
        }
        damage.EditValue(damage.Records().First(r => r.Number == NtfsMft.VolumeRecord), NtfsAttributeType.VolumeInformation, v => (v.Span[8], v.Span[9]) = (1, 2));
        using var volume = NtfsVolume.Open(damage.Device, VolumeOptions.Default);
        Assert.Contains(volume.Info.Details, d => d is { Key: "version", Value: "1.2" });
        using var same = NtfsVolume.Open(new NtfsDamage(Sound.Value.ToArray()).Device, VolumeOptions.Default);
        var problems = new List<string>();
        Assert.Empty(NtfsListing.Differences(NtfsListing.Read(same, problems), NtfsListing.Read(volume, problems)));
        Assert.Empty(problems);
        Assert.Null(volume.Find("/just_a_file.txt").Metadata.SecurityDescriptor);
        Assert.NotNull(same.Find("/just_a_file.txt").Metadata.SecurityDescriptor);
    }

    [Fact]
    public void An_encrypted_file_is_listed_and_refused_and_given_as_it_lies_when_asked()
    {
        var damage = new NtfsDamage(Sound.Value.ToArray());
        NtfsReference file;
        using (var before = NtfsVolume.Open(damage.Device, VolumeOptions.Default))
            file = before.OpenFile(before.Find("/$LogFile").Id).Reference;
        damage.Edit(damage.Records().First(r => r.Number == file.Record), NtfsAttributeType.Data, a =>
        {
            a.Span[NtfsAttributeHeader.FlagsOffset + 1] |= 0x40;
            BinaryPrimitives.WriteInt64LittleEndian(a.Span[0x30..], 1000);
            BinaryPrimitives.WriteInt64LittleEndian(a.Span[0x38..], 1000);
        });
        using (var volume = NtfsVolume.Open(damage.Device, VolumeOptions.Default))
        {
            Assert.Equal(1000, volume.Find("/$LogFile").Length);
            Assert.Contains("EFS", Assert.Throws<UnsupportedFeatureException>(() => volume.Find("/$LogFile").OpenRead()).Message, StringComparison.Ordinal);
        }
        using var raw = NtfsVolume.Open(damage.Device, new VolumeOptions { RawEncrypted = true });
        using var stream = raw.Find("/$LogFile").OpenRead();
        Assert.Equal(1026, stream.Length);
        Assert.Equal(1026, stream.ReadAt(0, new byte[4096]));
    }

    [Fact]
    public void The_state_of_the_log_and_of_Windows_shows()
    {
        var damage = new NtfsDamage(Sound.Value.ToArray());
        Assert.False(Info(damage).IsClean);
        var log = damage.Place(damage.Records().First(r => r.Number == NtfsMft.LogFileRecord), NtfsAttributeType.Data, 0);
        damage.Bytes.Slice((int)log, 4096).Fill(0xFF);
        Assert.True(Info(damage).IsClean);
        Assert.Contains(Info(damage).Details, d => d is { Key: "journal", Value: "empty" });
        damage.EditValue(damage.Records().First(r => r.Number == NtfsMft.VolumeRecord), NtfsAttributeType.VolumeInformation, v => v.Span[10] |= 1);
        Assert.False(Info(damage).IsClean);
        Assert.Contains(Info(damage).Details, d => d.Key == "flags" && d.Value.StartsWith("dirty", StringComparison.Ordinal));
        damage.EditValue(damage.Records().First(r => r.Number == NtfsMft.VolumeRecord), NtfsAttributeType.VolumeInformation, v => v.Span[10] &= 0xFE);
        // 15 units, in a directory whose order the new name keeps.
        Rename(damage, "just_a_file.txt", "hiberfil.sys");
        var file = damage.Records().First(r => r.TryFind(NtfsAttributeType.FileName, "", out var name) && NtfsCollation.NameOf(name.Value).SequenceEqual("hiberfil.sys"));
        damage.EditValue(file, NtfsAttributeType.Data, v => "hibr"u8.CopyTo(v.Span));
        Assert.False(Info(damage).IsClean);
        Assert.Contains(Info(damage).Details, d => d.Key == "hibernation");
    }

    [Theory]
    [InlineData(@"\??\C:\Users\All", "/Users/All")]
    [InlineData(@"\??\Volume{12345678-0000-0000-0000-000000000000}\x\", "/x")]
    [InlineData(@"\??\C:\", "/")]
    [InlineData(@"..\a\b", "../a/b")]
    [InlineData(@"\??\UNC\server\share", "//server/share")]
    public void Targets_of_links_are_paths(string target, string path) => Assert.Equal(path, NtfsReparsePoint.ToPath(target));

    private static VolumeInfo Info(NtfsDamage damage)
    {
        using var volume = NtfsVolume.Open(damage.Device, VolumeOptions.Default);
        return volume.Info;
    }

    // In the record and in the root's index, which must be in order afterwards; a shorter name leaves room behind it.
    private static void Rename(NtfsDamage damage, string from, string to)
    {
        var record = damage.Records().First(r => r.TryFind(NtfsAttributeType.FileName, "", out var name) && NtfsCollation.NameOf(name.Value).SequenceEqual(from));
        damage.EditValue(record, NtfsAttributeType.FileName, v => Put(v.Span));
        var place = (int)damage.Place(damage.Records().First(r => r.Number == NtfsMft.RootRecord), NtfsAttributeType.IndexAllocation, 0, "$I30");
        var block = damage.Bytes.Slice(place, 4096).ToArray();
        Assert.Null(NtfsUpdateSequence.Remove(block, NtfsIndexBlock.Size));
        var at = block.AsSpan().IndexOf(System.Text.Encoding.Unicode.GetBytes(from)) - NtfsFileName.Size;
        Assert.True(at > 0);
        Put(block.AsSpan(at));
        NtfsUpdateSequence.Apply(block);
        block.CopyTo(damage.Bytes[place..]);

        void Put(Span<byte> value)
        {
            OnDisk.Edit<NtfsFileName>(value).NameLength = (byte)to.Length;
            for (var i = 0; i < to.Length; i++)
                BinaryPrimitives.WriteUInt16LittleEndian(value[(NtfsFileName.Size + 2 * i)..], to[i]);
        }
    }
}
