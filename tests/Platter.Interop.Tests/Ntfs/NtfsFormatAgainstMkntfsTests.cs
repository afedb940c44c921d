using Platter.Blocks;
using Platter.FileSystems;
using Platter.FileSystems.Ntfs;
using Platter.Primitives;
using Platter.Testing;
using Platter.Testing.Ntfs;
using Platter.Testing.Volumes;
using Xunit;

namespace Platter.Interop.Tests.Ntfs;

/// <summary>Volumes of the formatter beside those of mkntfs, every byte that either of them wrote.</summary>
public class NtfsFormatAgainstMkntfsTests
{
    private const long K = 1024, M = 1024 * K, G = 1024 * M, T = 1024 * G;

    // In the boot sector and its copy the serial number, which mkntfs makes by chance, and the program.
    private const int SerialOffset = 0x48, SerialEnd = 0x50, CodeOffset = 0x54, BootLength = 8192;

    [Fact]
    public void Volumes_of_every_cluster_and_sector_size_are_those_of_mkntfs_byte_for_byte()
    {
        using var folder = new TempFolder();
        var compared = 0;
        foreach (var length in new[] { 1 * M + 512, 3 * M, 5 * M, 64 * M })
        {
            for (var sector = 512; sector <= 4096; sector *= 2)
            {
                for (var cluster = sector; cluster <= 64 * K; cluster *= 2)
                    compared += Compare(folder, length, $"-s {sector} -c {cluster}", sector, ("cluster_size", cluster.ToString()));
            }
        }
        foreach (var length in new[] { 1 * G + 12345, 100 * G })
        {
            compared += Compare(folder, length, "", 512);
            compared += Compare(folder, length, "-s 4096", 4096);
        }
        TestContext.Current.SendDiagnosticMessage("volumes compared: {0}", compared);
        Assert.True(compared >= 85, $"only {compared} volumes could be compared");
    }

    [Fact]
    public void Volumes_of_every_option_are_those_of_mkntfs_byte_for_byte()
    {
        using var folder = new TempFolder();
        Assert.Equal(1, Compare(folder, 20 * M, "-C", 512, ("compression", "on")));
        Assert.Equal(1, Compare(folder, 20 * M, "-I", 512, ("content_indexing", "off")));
        for (var zone = 1; zone <= 4; zone++)
            Assert.Equal(1, Compare(folder, 300 * M, $"-z {zone}", 512, ("mft_zone", zone.ToString())));
        Assert.Equal(1, Compare(folder, 20 * M, "-p 2048 -S 17 -H 12", 512, ("hidden_sectors", "2048"), ("sectors_per_track", "17"), ("heads", "12")));
        Assert.Equal(1, Compare(folder, 20 * M, "-L Grün日本", 512));
    }

    [Fact(Explicit = true)]
    public void Volumes_of_many_lengths_are_those_of_mkntfs_byte_for_byte()
    {
        using var folder = new TempFolder();
        var random = new Random(7);
        var compared = 0;
        for (var i = 0; i < 400; i++)
        {
            var sector = 512 << random.Next(4);
            var cluster = sector << random.Next(8);
            var length = (long)Math.Exp(random.NextDouble() * Math.Log(40.0 * G / M) + Math.Log(M));
            if (cluster <= 64 * K)
                compared += Compare(folder, length, $"-s {sector} -c {cluster}", sector, ("cluster_size", cluster.ToString()));
        }
        TestContext.Current.SendDiagnosticMessage("volumes compared: {0}", compared);
        Assert.True(compared > 250, $"only {compared} volumes could be compared");
    }

    /// <summary>mkntfs writes all of the bitmap, 512 MiB, and few filesystems have files so long: the memory of the host does.</summary>
    [Theory(Explicit = true)]
    [InlineData(16 * T, 512)]
    [InlineData(16 * T, 4096)]
    [InlineData(256 * T, 512)]
    public void The_longest_volumes_are_those_of_mkntfs_byte_for_byte(long length, int sector)
    {
        var folder = Directory.CreateDirectory($"/dev/shm/platter-test-{Guid.NewGuid()}");
        try
        {
            Assert.Equal(1, Compare(folder.FullName, length, $"-s {sector}", sector));
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static int Compare(TempFolder folder, long length, string arguments, int sectorSize, params (string Key, string Value)[] options) =>
        Compare(folder.Path, length, arguments, sectorSize, options);

    // 1 when both made a volume; 0 when either refused, and mkntfs did.
    private static int Compare(string folder, long length, string arguments, int sectorSize, params (string Key, string Value)[] options)
    {
        var what = $"{length} bytes, mkntfs {arguments}";
        string theirPath = Path.Combine(folder, "theirs.img"), ourPath = Path.Combine(folder, "ours.img");
        File.Delete(theirPath);
        using (var image = File.Create(theirPath))
            image.SetLength(length);
        var label = arguments.StartsWith("-L ", StringComparison.Ordinal) ? arguments[3..] : null;
        if (!arguments.Contains("-p "))
            arguments += " -p 0 -S 63 -H 255";
        var made = Tool.Run("mkntfs", ["-F", "-Q", "-q", "-T", .. arguments.Split(' ', StringSplitOptions.RemoveEmptyEntries), theirPath]).ExitCode == 0;
        File.Delete(ourPath);
        using var ours = HostFile.Create(ourPath, length);
        var format = new FormatOptions
        {
            Type = "ntfs", Label = label, Clock = new SettableClock { Now = DateTimeOffset.UnixEpoch },
            Options = options.Append(("sector_size", sectorSize.ToString())).ToDictionary(o => o.Item1, o => o.Item2),
        };
        try
        {
            NtfsFormatter.Format(ours, format);
        }
        catch (ArgumentException e)
        {
            Assert.False(made, $"{what}: mkntfs makes it, but {e.Message}");
            return 0;
        }
        if (!made)
            return 0;
        using var theirs = HostFile.Open(theirPath, FileAccess.Read);
        var geometry = NtfsGeometry.Read(ours);
        var ranges = new RangeSet();
        foreach (var range in theirs.AllocatedRanges().Concat(ours.AllocatedRanges()))
            ranges.Add(range.Offset, range.Length);
        var tables = new[] { geometry.MftCluster << geometry.ClusterShift, geometry.MftMirrorCluster << geometry.ClusterShift };
        var recordCounts = new[] { Math.Max(NtfsFormatPlan.SystemRecords, geometry.ClusterSize / geometry.RecordSize), geometry.MirrorRecords };
        for (var i = 0; i < tables.Length; i++)
        {
            for (var record = 0; record < recordCounts[i]; record++)
            {
                var offset = tables[i] + record * geometry.RecordSize;
                var (our, their) = (ReadRecord(ours, geometry, offset), ReadRecord(theirs, geometry, offset));
                var same = our.AsSpan().CommonPrefixLength(their);
                Assert.True(same == our.Length, $"{what}: record {record} at 0x{offset:X}, byte 0x{same:X}\n theirs {Convert.ToHexString(their)}\n ours   {Convert.ToHexString(our)}");
            }
            ranges.Remove(tables[i], (long)recordCounts[i] * geometry.RecordSize);
        }
        using (var volume = NtfsVolume.Open(ours, VolumeOptions.Default))
        {
            var root = volume.OpenSystemFile(NtfsMft.RootRecord).Open(NtfsAttributeType.IndexAllocation, NtfsDirectory.IndexName)!;
            var place = root.Runs[0].Lcn << geometry.ClusterShift;
            Assert.Equal(ReadBlock(theirs, geometry, place), ReadBlock(ours, geometry, place));
            ranges.Remove(place, geometry.IndexBlockSize);
        }
        byte[] x = new byte[M], y = new byte[M];
        foreach (var range in ranges)
        {
            for (var at = range.Start; at < range.End; at += x.Length)
            {
                var count = (int)Math.Min(x.Length, range.End - at);
                theirs.Read(at, x.AsSpan(0, count));
                ours.Read(at, y.AsSpan(0, count));
                for (var same = 0; (same += x.AsSpan(same, count - same).CommonPrefixLength(y.AsSpan(same, count - same))) < count; same++)
                    Assert.True(IsKnownDifference(geometry, at + same), $"{what}: byte 0x{at + same:X} is {y[same]:X2}, mkntfs has {x[same]:X2}");
            }
        }
        return 1;
    }

    private static bool IsKnownDifference(NtfsGeometry geometry, long offset)
    {
        var inBoot = offset < BootLength ? offset : offset - geometry.Length;
        return inBoot is >= SerialOffset and < SerialEnd or >= CodeOffset and < BootLength;
    }

    // The root's block likewise.
    private static byte[] ReadBlock(BlockDevice device, NtfsGeometry geometry, long offset)
    {
        var bytes = new byte[geometry.IndexBlockSize];
        device.Read(offset, bytes);
        Assert.Null(NtfsUpdateSequence.Remove(bytes, NtfsIndexBlock.Size));
        Assert.Null(NtfsIndexNode.Parse(bytes, NtfsIndexBlock.HeaderOffset, isView: false, out var node));
        for (var i = 0; i < node!.Count; i++)
            bytes.AsSpan(node[i].Offset + NtfsIndexEntry.Size + node[i].Entry.KeyLength, node[i].Entry.Length - NtfsIndexEntry.Size - node[i].Entry.KeyLength).Clear();
        return bytes;
    }

    // A record whose protection is off, without what mkntfs leaves by chance where attributes are filled up to a multiple of 8.
    private static byte[] ReadRecord(BlockDevice device, NtfsGeometry geometry, long offset)
    {
        var bytes = new byte[geometry.RecordSize];
        device.Read(offset, bytes);
        Assert.Null(NtfsUpdateSequence.Remove(bytes, NtfsRecordHeader.Size));
        ref var header = ref OnDisk.Edit<NtfsRecordHeader>(bytes);
        if ((header.Flags.Value & NtfsRecordFlags.InUse) == 0)
            header.RecordNumber = 0;
        for (int at = header.AttributesOffset; OnDisk.View<NtfsAttributeHeader>(bytes, at) is { Type: not NtfsAttributeType.End } attribute; at += (int)(uint)attribute.Length)
        {
            var end = at + (int)(uint)attribute.Length;

            // Windows marks the index of a compressed directory, mkntfs does not.
            if (attribute.Type == NtfsAttributeType.IndexRoot)
                OnDisk.Edit<NtfsAttributeHeader>(bytes, at).Flags.Value &= ~NtfsAttributeFlags.Compressed;
            if (attribute.NonResident == 0)
            {
                ref readonly var resident = ref OnDisk.View<NtfsResidentHeader>(bytes, at);
                bytes.AsSpan((at + resident.ValueOffset + (int)(uint)resident.ValueLength)..end).Clear();
                continue;
            }
            var run = at + OnDisk.View<NtfsNonResidentHeader>(bytes, at).RunListOffset;
            while (bytes[run] != 0)
                run += 1 + (bytes[run] & 15) + (bytes[run] >> 4);
            bytes.AsSpan(run..end).Clear();
        }
        return bytes;
    }
}
