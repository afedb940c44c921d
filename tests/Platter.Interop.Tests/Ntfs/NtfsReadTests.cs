using System.Buffers.Binary;
using System.Text;
using Platter.Blocks;
using Platter.FileSystems;
using Platter.FileSystems.Ntfs;
using Platter.Testing;
using Platter.Testing.Ntfs;
using Xunit;

namespace Platter.Interop.Tests.Ntfs;

/// <summary>Volumes that mkntfs made and ntfs-3g filled, read as ntfs-3g and the sleuth kit read them.</summary>
public class NtfsReadTests
{
    // Content of every form, names, links, special files, streams, what only NTFS has; where clusters are small, compressed files too.
    private const string Fill = """
        umask 022
        mkdir -p many nested/a/b/c/d empty few
        : > zero; printf 'tiny' > tiny; printf '%0100d' 7 > hundred; seq 1 200 > lines; seq 1 60000 > numbers
        truncate -s 5000000 sparse; printf 'middle' | dd of=sparse bs=1 seek=2500000 conv=notrunc status=none; printf 'end' >> sparse
        for i in $(seq 1 700); do : > "many/a-name-of-some-length-$i"; done
        for i in $(seq 1 12); do printf '%d' $i > "few/$i"; done
        printf 'deep' > nested/a/b/c/d/file; printf 'x' > 'name with spaces'; printf 'y' > 'Ünïcödé 名前'; printf 'z' > .hidden
        ln zero hard; ln nested/a/b/c/d/file nested/link
        ln -s tiny short; ln -s "$(printf '%0200d' 1)" long
        mkfifo fifo; mknod char c 5 300; mknod block b 259 7
        printf 'first stream' > tiny:first; seq 1 30000 > numbers:second; printf 'of a directory' > few:third
        setfattr -h -n system.ntfs_dos_name -v LONGNA~1.TXT 'name with spaces'
        setfattr -h -n system.ntfs_attrib_be -v 0x00000021 hundred
        setfattr -h -n system.ntfs_object_id -v 0x000102030405060708090a0b0c0d0e0f lines
        touch -d '2001-02-03 04:05:06.7890123 UTC' lines; touch -d '1969-12-31 23:00:00.5 UTC' numbers
        for i in $(seq 1 40); do head -c 5000 numbers >> woven1; head -c 7000 numbers >> woven2; done
        """;

    private const string Pack = """
        mkdir packed; setfattr -h -n system.ntfs_attrib_be -v 0x00000810 packed
        seq 1 40000 > packed/text; head -c 200000 /dev/zero > packed/zeros; head -c 100000 /dev/urandom > packed/noise
        (seq 1 9000; head -c 70000 /dev/urandom; head -c 300000 /dev/zero; seq 1 500) > packed/mixed
        """;

    private static readonly string[] Streams = ["tiny:first", "numbers:second", "few:third"];

    [Theory]
    [InlineData("-c 512", true)]
    [InlineData("-c 4096", true)]
    [InlineData("-s 4096 -c 4096", true)]
    [InlineData("-c 65536", false)]
    [InlineData("-s 4096 -c 2097152", false)]
    public void What_ntfs_3g_wrote_is_read(string arguments, bool canPack)
    {
        using var folder = new TempFolder();
        var path = folder.File("volume.img");
        Ntfs3g.Make(path, 160 << 20, arguments + " -L Testing");
        var security = Ntfs3g.Run(path, Fill + "\n" + (canPack ? Pack : "") + "\ngetfattr -h -e hex -n system.ntfs_acl tiny numbers many 2>/dev/null");
        using var device = HostFile.Open(path, FileAccess.Read);
        using var volume = NtfsVolume.Open(device, VolumeOptions.Default);
        AssertSame(path, volume, Streams);
        NtfsCheck.AssertClean(device);

        Assert.Equal("Testing", volume.Info.Label);
        Assert.True(volume.Info.IsClean);
        Assert.Equal(security.Split('\n').Count(l => l.StartsWith("system.ntfs_acl=0x", StringComparison.Ordinal)), 3);
        foreach (var entry in security.Split("# file: ", StringSplitOptions.RemoveEmptyEntries))
        {
            var lines = entry.Split('\n');
            var descriptor = volume.Find("/" + lines[0]).Metadata.SecurityDescriptor!;
            Assert.Equal(lines[1]["system.ntfs_acl=0x".Length..], Convert.ToHexStringLower(descriptor));
            Assert.NotNull(Sddl.Format(descriptor));
        }
        AssertDetails(volume);
        if (canPack)
            AssertPacked(volume);
    }

    [Fact]
    public void A_directory_of_10000_names_and_an_MFT_in_many_pieces_are_read()
    {
        using var folder = new TempFolder();
        var path = folder.File("volume.img");
        Ntfs3g.Make(path, 48 << 20, "-c 1024 -z 1");
        // Pads of one cluster fill what is free; every other one goes, so that the table grows in pieces.
        Ntfs3g.Run(path, """
            mkdir pads big
            free=$(df -k --output=avail . | tail -1); head -c $(((free-16000)*1024)) /dev/zero > filler
            for i in $(seq 1 5); do (cd pads; seq $((i*100000)) $((i*100000+1300)) | xargs -n 200 bash -c 'for f; do head -c 1024 /dev/zero > $f; done' _) ; done
            find pads -name '*[13579]' -delete; rm filler
            head -c $((20*1024*1024)) /dev/zero > filler
            cd big; seq -f 'a file with a number %05.0f' 1 10000 | tr '\n' '\0' | xargs -0 touch
            """);
        using var device = HostFile.Open(path, FileAccess.Read);
        using var volume = NtfsVolume.Open(device, VolumeOptions.Default);
        AssertSame(path, volume);
        NtfsCheck.AssertClean(device);
        Assert.True(volume.Mft.Content.Runs.Count > 1, "the MFT is in one piece");
        var big = volume.Find("/big").Id;
        using var counting = new CountingDevice(device);
        using var fresh = NtfsVolume.Open(counting, VolumeOptions.Default);
        for (var i = 1; i <= 10_000; i += 331)
            Assert.True(fresh.TryLookup(big, $"A FILE with a number {i:D5}", out _));
        Assert.False(fresh.TryLookup(big, "a file with a number 10001", out _));
        Assert.InRange(counting.BytesRead, 1, 1 << 20);
    }

    [Fact]
    public void Files_of_the_Linux_subsystem_are_what_they_are_there()
    {
        using var folder = new TempFolder();
        var path = folder.File("volume.img");
        Ntfs3g.Make(path, 16 << 20);
        Ntfs3g.Run(path, """
            mkfifo fifo; mknod char c 5 300; mknod block b 259 7; ln -s some/where link; : > plain
            python3 - <<'END'
            import socket; s = socket.socket(socket.AF_UNIX); s.bind('socket')
            END
            """, "special_files=wsl,permissions");
        using var device = HostFile.Open(path, FileAccess.Read);
        using var volume = NtfsVolume.Open(device, VolumeOptions.Default);
        NtfsCheck.AssertClean(device);
        var found = volume.Root.Entries.ToDictionary(e => e.Name, e => e.Metadata, StringComparer.Ordinal);
        Assert.Equal(EntryKind.Fifo, found["fifo"].Kind);
        Assert.Equal(EntryKind.Socket, found["socket"].Kind);
        Assert.Equal((EntryKind.CharacterDevice, new DeviceNumber(5, 300)), (found["char"].Kind, found["char"].Device!.Value));
        Assert.Equal((EntryKind.BlockDevice, new DeviceNumber(259, 7)), (found["block"].Kind, found["block"].Device!.Value));
        Assert.Equal((EntryKind.SymbolicLink, "some/where"), (found["link"].Kind, found["link"].LinkTarget));
        Assert.Equal(EntryKind.File, found["plain"].Kind);
        Assert.All(volume.Enumerate(volume.RootId), e => Assert.Equal(volume.GetMetadata(e.Id).Kind, e.Kind));
        Assert.Throws<UnauthorizedAccessException>(() => volume.OpenRead(volume.Find("/fifo").Id, StreamName.Data));
    }

    [Fact]
    public void The_sleuth_kit_and_ntfsprogs_see_the_same()
    {
        using var folder = new TempFolder();
        var path = folder.File("volume.img");
        Ntfs3g.Make(path, 64 << 20, "-c 2048");
        Ntfs3g.Run(path, Fill);
        using var device = HostFile.Open(path, FileAccess.Read);
        using var volume = NtfsVolume.Open(device, VolumeOptions.Default);
        var names = new SortedSet<string>(NtfsListing.Read(volume, []).Where(l => l.Value.Kind != "a").Select(l => l.Key), StringComparer.Ordinal);
        // KIND/KIND RECORD-TYPE-ID:<tab>path
        var fls = Tool.Expect("fls", "-r", "-p", "-u", path).Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(l => l.Split('\t', 2)[1])
            .Where(n => !n.StartsWith('$') && !n.Contains(':', StringComparison.Ordinal)).Select(n => "/" + n);
        Assert.Equal(names, new SortedSet<string>(fls.Where(n => n != "/LONGNA~1.TXT"), StringComparer.Ordinal));
        foreach (var name in new[] { "numbers", "sparse", "woven1", "many/../numbers" })
        {
            using var stream = volume.Find("/" + Path.GetFileName(name)).OpenRead();
            var content = new byte[stream.Length];
            stream.ReadExactly(content);
            var cat = Tool.Run("sh", "-c", $"ntfscat '{path}' /{Path.GetFileName(name)} | sha256sum");
            Assert.StartsWith(Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(content)), cat.Output, StringComparison.Ordinal);
        }
        var free = Tool.Expect("ntfsinfo", "-m", path).Split('\n').First(l => l.Contains("Free Clusters:", StringComparison.Ordinal));
        Assert.Contains($" {volume.FreeBytes / 2048} ", free, StringComparison.Ordinal);
    }

    [Fact]
    public void Opening_a_volume_of_16_TiB_reads_little()
    {
        using var folder = new TempFolder();
        var path = folder.File("volume.img");
        // As long as a file may be where these tests run.
        Ntfs3g.Make(path, (16L << 40) - (1 << 20), "-c 65536");
        using var device = HostFile.Open(path, FileAccess.Read);
        using var counting = new CountingDevice(device);
        using var volume = NtfsVolume.Open(counting, VolumeOptions.Default);
        Assert.Empty(volume.Root.Entries);
        Assert.False(volume.TryFind("/nothing", out _));
        Assert.True(volume.Info.IsClean);
        Assert.InRange(counting.BytesRead, 1, 1 << 20);
    }

    private static void AssertSame(string path, NtfsVolume volume, params string[] streams)
    {
        var problems = new List<string>();
        var differences = NtfsListing.Differences(Ntfs3g.List(path, streams), NtfsListing.Read(volume, problems));
        Assert.True(differences.Count == 0 && problems.Count == 0, string.Join('\n', differences.Take(20)) + "\n" + string.Join('\n', problems.Take(20)));
    }

    private static void AssertDetails(NtfsVolume volume)
    {
        Assert.Equal(2, volume.Find("/zero").Metadata.LinkCount);
        Assert.Equal(volume.Find("/nested/link").Id, volume.Find("/nested/A/b/C/d/FILE").Id);
        Assert.Equal(volume.Find("/Ünïcödé 名前").Id, volume.Find("/üNÏCÖDÉ 名前").Id);
        var spaced = volume.Find("/longna~1.txt");
        Assert.Equal(volume.Find("/name with spaces").Id, spaced.Id);
        Assert.Equal(("LONGNA~1.TXT", 1), (spaced.Metadata.ShortName, spaced.Metadata.LinkCount));
        Assert.Equal("2001-02-03T04:05:06.7890123Z", volume.Find("/lines").Metadata.Modified.ToString());
        Assert.Equal("1969-12-31T23:00:00.5Z", volume.Find("/numbers").Metadata.Modified.ToString());
        Assert.Equal(DosAttributes.ReadOnly | DosAttributes.Archive, volume.Find("/hundred").Metadata.DosAttributes);
        Assert.Equal((EntryKind.CharacterDevice, new DeviceNumber(5, 300)), (volume.Find("/char").Kind, volume.Find("/char").Metadata.Device!.Value));
        var format = volume.GetFormatAttributes(volume.Find("/lines").Id);
        Assert.Equal("000102030405060708090A0B0C0D0E0F", Convert.ToHexString(format["user.ntfs.object_id"]));
        Assert.Equal(0x20u, BinaryPrimitives.ReadUInt32BigEndian(format["user.ntfs.attributes"]) & 0xFFu);
        Assert.Equal("LONGNA~1.TXT", Encoding.UTF8.GetString(volume.GetFormatAttributes(spaced.Id)["user.ntfs.short_name"]));
        using var sparse = volume.Find("/sparse").OpenRead();
        if (volume.Geometry.ClusterSize <= 65536)
        {
            Assert.InRange(volume.Find("/sparse").Metadata.AllocatedLength!.Value, 1, 3 * 65536);
            Assert.Contains(sparse.Extents(), e => e.DeviceOffset < 0);
        }
        Assert.Equal(sparse.Length, sparse.Extents().Sum(e => e.Length));
    }

    private static void AssertPacked(NtfsVolume volume)
    {
        foreach (var name in new[] { "text", "zeros", "mixed" })
        {
            var metadata = volume.Find("/packed/" + name).Metadata;
            Assert.True((metadata.DosAttributes & DosAttributes.Compressed) != 0 && metadata.AllocatedLength < metadata.Length, $"{name} is not compressed: {metadata}");
        }
        // Anywhere, and across units.
        using var mixed = volume.Find("/packed/mixed").OpenRead();
        var whole = new byte[mixed.Length];
        mixed.ReadExactly(whole);
        var random = new Random(5);
        for (var i = 0; i < 200; i++)
        {
            var at = random.Next(whole.Length);
            var part = new byte[random.Next(1, 90_000)];
            var count = mixed.ReadAt(at, part);
            Assert.True(whole.AsSpan(at, count).SequenceEqual(part.AsSpan(0, count)));
        }
        foreach (var range in mixed.DataRanges().Zip(mixed.DataRanges().Skip(1)))
            Assert.True(whole.AsSpan((int)range.First.End, (int)(range.Second.Offset - range.First.End)).IndexOfAnyExcept((byte)0) < 0);
    }

    private sealed class CountingDevice(BlockDevice device) : BlockDevice
    {
        public long BytesRead { get; private set; }
        public override long Length => device.Length;
        public override bool CanWrite => false;

        public override void Flush() => device.Flush();

        protected override void ReadCore(long offset, Span<byte> buffer)
        {
            BytesRead += buffer.Length;
            device.Read(offset, buffer);
        }

        protected override void WriteCore(long offset, ReadOnlySpan<byte> data) => throw new NotSupportedException();
    }
}
