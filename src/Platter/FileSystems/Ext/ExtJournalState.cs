using System.Runtime.CompilerServices;
using Platter.Blocks;
using Platter.Primitives;

namespace Platter.FileSystems.Ext;

/// <summary>What a volume's journal made of it at opening: the device to read from, and the superblock as it is after the replay.</summary>
internal sealed class ExtJournalState
{
    private ExtJournalState(BlockDevice device, ExtGeometry geometry)
    {
        Device = device;
        Geometry = geometry;
    }

    /// <summary>The volume's device, or the recovered view of it.</summary>
    public BlockDevice Device { get; }

    public ExtGeometry Geometry { get; }

    /// <summary>Whether the volume was not unmounted, so that the journal had to be looked at.</summary>
    public bool WasNeeded { get; private init; }

    /// <summary>What was replayed; null when nothing was.</summary>
    public JbdReplay? Replay { get; private init; }

    /// <summary>The blocks that the replay changes: <see cref="Device"/> gives what they become.</summary>
    public IReadOnlyList<long> Changed { get; private init; } = [];

    /// <summary>The journal and its state, for people.</summary>
    public string Text => Geometry.Has(ExtCompat.HasJournal) ? Place(Geometry) + Outcome : "";

    private string Outcome { get; init; } = "";

    /// <summary>Looks at the journal and, when it was left to be replayed, reads it. Nothing is written.</summary>
    /// <exception cref="DiskFormatException">The journal is needed and broken.</exception>
    /// <exception cref="UnsupportedFeatureException">The journal is needed and lies elsewhere, or holds what cannot be replayed.</exception>
    public static ExtJournalState Open(BlockDevice device, ExtGeometry geometry, VolumeOptions options)
    {
        if (!geometry.Has(ExtCompat.HasJournal))
            return new ExtJournalState(device, geometry);
        if (!geometry.Has(ExtIncompat.Recover))
            return new ExtJournalState(device, geometry);
        if (options.DiscardJournal)
            return new ExtJournalState(device, geometry) { WasNeeded = true, Outcome = ", not replayed" };
        if (geometry.Super.JournalInode == 0)
            throw new UnsupportedFeatureException($"the volume needs the replay of its journal, which is {Place(geometry)}: have e2fsck replay it, or give the journal up (--discard-journal)");
        return OpenReplayed(device, geometry, options);
    }

    private static string Place(ExtGeometry geometry)
    {
        Guid uuid = geometry.Super.JournalUuid;
        return geometry.Super.JournalInode == 0 ? "on another device (" + uuid + ")" : "in inode " + geometry.Super.JournalInode;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static ExtJournalState OpenReplayed(BlockDevice device, ExtGeometry geometry, VolumeOptions options)
    {
        var blocks = new ExtBlocks(device, geometry);
        var replay = ExtJournalFile.Open(geometry, blocks).Read();
        var text = replay.Copies.Count == 0 ? ", nothing to replay" : $", {replay.Transactions} transactions with {replay.Copies.Count} blocks replayed in memory";
        if (replay.Remark is { } remark)
            text += "; " + remark;
        var overlay = new ExtReplayedDevice(device, replay.Copies, geometry.LogBlockSize);
        if (replay.Fast is not { Count: > 0 } fast)
            return new ExtJournalState(overlay, ExtGeometry.Read(overlay)) { WasNeeded = true, Replay = replay, Changed = [.. replay.Copies.Keys], Outcome = text };
        var changed = new ExtChangedDevice(overlay, geometry.LogBlockSize);
        var logged = ExtGeometry.Read(overlay);
        var volume = new ExtVolume(changed, logged, new ExtJournalState(changed, logged), new ExtBlockChanges(logged, changed));
        ExtFastReplay.Run(volume, changed, fast.Records, options);
        return new ExtJournalState(changed, ExtGeometry.Read(changed))
        {
            WasNeeded = true, Replay = replay, Changed = [.. replay.Copies.Keys.Union(changed.Blocks)], Outcome = $"{text}; {fast.Count} fast commits",
        };
    }
}
