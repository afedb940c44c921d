using System.Globalization;
using System.Security.Cryptography;
using Platter.Blocks;
using Platter.FileSystems;
using Platter.FileSystems.Ntfs;
using Platter.Testing.Volumes;
using Xunit;

namespace Platter.Testing.Ntfs;

/// <summary>Volumes with every way to lie in clusters, spread over all of the volume: for what moves them.</summary>
public static class NtfsMixture
{
    /// <summary>Fills a volume with files in many pieces, compressed and sparse ones, streams, directories, long attributes, attribute lists with clusters of their own, and gaps in between.</summary>
    /// <param name="device">An empty volume.</param>
    /// <param name="fragments">Pieces of the file that has the most.</param>
    public static void Fill(BlockDevice device, int fragments = 700)
    {
        using var volume = new NtfsType().OpenForEditing(device, VolumeOptions.Default);
        var (root, cluster) = (volume.RootId, volume.Info.BlockSize);
        var share = volume.FreeBytes / 8;
        Gaps(volume, "early", (int)(share / cluster / 3), cluster);
        var many = volume.CreateDirectory(root, "many", MetadataChange.None);
        var wide = volume.CreateDirectory(root, "wide", MetadataChange.None);
        for (var i = 0; i < 150; i++)
        {
            File(volume, many, $"a file with a name of some length {i * 7919 % 150}", i % 9 * 150, i);
            File(volume, wide, $"another {i}", 10, i);
        }
        fragments = (int)Math.Min(fragments, share / cluster / 2);
        InTurns(volume, root, fragments, cluster);
        using (var sparse = volume.OpenWrite(File(volume, root, "sparse", 100, 1), StreamName.Data))
        {
            for (var i = 0; i < 12; i++)
                sparse.WriteAt((long)i * 40 * cluster, ConformanceCase.Bytes(Math.Min(3 * cluster, (int)(share / 100) + 700), i));
        }
        if (cluster <= 4096)
        {
            var packed = volume.CreateDirectory(root, "packed", new MetadataChange { Compressed = true });
            for (var i = 0; i < 6; i++)
                volume.CreateFile(packed, $"packed {i}", new MemoryStream(Text(40_000 + i * 9000, i)), null, MetadataChange.None);
        }
        var streams = File(volume, root, "streams", 300, 4);
        for (var i = 0; i < 5; i++)
        {
            using var stream = volume.OpenWrite(streams, StreamName.Named($"stream {i}"));
            stream.WriteAt(0, ConformanceCase.Bytes(800 + i * 1500, i));
        }
        using (var stream = volume.OpenWrite(wide, StreamName.Named("of a directory")))
            stream.WriteAt(0, ConformanceCase.Bytes(5000, 8));
        volume.SetExtendedAttribute(streams, "user.long", ConformanceCase.Bytes(9000, 5));
        volume.Commit();
        var linked = File(volume, many, "linked", 5000, 6);
        for (var i = 0; i < 40; i++)
            volume.CreateHardLink(linked, wide, $"a name of the same file that is long enough to need further records {i}");
        Gaps(volume, "late", (int)(share / cluster / 3), cluster);
        File(volume, root, "last", (int)Math.Min(share, 40_000), 9);
        volume.Commit();
    }

    /// <summary>Two files whose clusters take turns.</summary>
    public static void InTurns(EditableVolume volume, NodeId directory, int pieces, int cluster)
    {
        using var a = volume.OpenWrite(File(volume, directory, "in turns 1", 0, 0), StreamName.Data);
        using var b = volume.OpenWrite(File(volume, directory, "in turns 2", 0, 0), StreamName.Data);
        for (var i = 0L; i < pieces; i++)
        {
            a.WriteAt(i * cluster, ConformanceCase.Bytes(Math.Min(cluster, 3000), (int)i));
            b.WriteAt(i * cluster, ConformanceCase.Bytes(Math.Min(cluster, 3000), (int)-i));
        }
    }

    /// <summary>Marks clusters that are free as bad.</summary>
    public static void MarkBad(BlockDevice device, params long[] clusters)
    {
        var changes = new NtfsChanges(device);
        var state = new NtfsEditState(NtfsVolume.Open(changes, VolumeOptions.Default), changes, VolumeOptions.Default);
        state.Begin();
        var bad = NtfsResizedBitmap.OpenBad(state)!;
        var runs = new NtfsRunList();
        foreach (var run in bad.Runs.Runs)
            runs.Add(run.Lcn, run.Count);
        foreach (var cluster in clusters)
        {
            Assert.Equal(1, state.Space.FreeLength(cluster, 1));
            state.Space.Mark(cluster, 1, true);
            runs.Replace(cluster, 1, cluster);
        }
        bad.MoveTo(runs, 0, runs.End);
        state.Store();
        state.Keep();
        state.Commit();
        NtfsCheck.AssertClean(device, "NTFS-0215");
    }

    /// <summary>Everything that a volume holds, as text; fails where the checker finds anything.</summary>
    public static string Outline(BlockDevice device) => VolumeOutline.Of(device, new NtfsType(), static (volume, entry, content) =>
    {
        var facts = volume.GetMetadata(entry.Id);
        var streams = volume.GetStreams(entry.Id).Select(s => $"{s.Name.Name} {s.Length} {Hash(volume, entry.Id, s.Name)}").Order(StringComparer.Ordinal);
        var attributes = volume.GetExtendedAttributes(entry.Id).OrderBy(a => a.Key, StringComparer.Ordinal).Select(a => $"{a.Key} {Convert.ToHexString(SHA256.HashData(a.Value))}");
        return string.Create(CultureInfo.InvariantCulture, $"{entry.Id} {facts.Length} {facts.AllocatedLength} {facts.DosAttributes} {facts.Modified} {facts.LinkCount} {content} [{string.Join(", ", streams)}] [{string.Join(", ", attributes)}]");
    });

    private static string Hash(Volume volume, NodeId id, StreamName name)
    {
        using var stream = volume.OpenRead(id, name);
        return Convert.ToHexString(SHA256.HashData(stream));
    }

    // Every second one stays.
    private static void Gaps(EditableVolume volume, string name, int clusters, int cluster)
    {
        var directory = volume.CreateDirectory(volume.RootId, name, MetadataChange.None);
        var count = Math.Min(60, clusters / 3);
        for (var i = 0; i < count; i++)
            File(volume, directory, $"{name} {i}", (int)Math.Min(clusters / (long)count * cluster * (1 + i % 3) / 2, 1 << 20), i);
        volume.Commit();
        for (var i = 0; i < count; i += 2)
            volume.Delete(directory, $"{name} {i}");
        volume.Commit();
    }

    private static NodeId File(EditableVolume volume, NodeId directory, string name, int length, int seed) =>
        volume.CreateFile(directory, name, new MemoryStream(ConformanceCase.Bytes(length, seed)), null, MetadataChange.None);

    private static byte[] Text(int length, int seed)
    {
        var bytes = new byte[length];
        var random = new Random(seed);
        for (var i = 0; i < length; i++)
            bytes[i] = i % 9000 < 2500 ? (byte)random.Next() : (byte)('a' + i / 7 % 13);
        return bytes;
    }
}
