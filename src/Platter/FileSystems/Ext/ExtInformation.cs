using Platter.Primitives;

namespace Platter.FileSystems.Ext;

/// <summary>What <c>info</c> shows of a volume, from the superblock alone.</summary>
internal static class ExtInformation
{
    public static VolumeInfo Of(ExtGeometry geometry, ExtJournalState journal)
    {
        ref readonly var s = ref geometry.Super;
        Guid uuid = s.Uuid;
        var label = Text(s.VolumeName);
        return new VolumeInfo
        {
            Type = geometry.TypeName,
            Label = label.Length == 0 ? null : label,
            Id = uuid == Guid.Empty ? null : uuid.ToString(),
            BlockSize = geometry.BlockSize,
            TotalBytes = geometry.BlocksCount << geometry.LogBlockSize,
            IsClean = IsClean(geometry) && !journal.WasNeeded,
            Details = Details(geometry, journal),
        };
    }

    /// <summary>Left properly, without errors met, and with a journal at rest.</summary>
    public static bool IsClean(ExtGeometry geometry) =>
        (geometry.Super.State.Value & (ExtState.Valid | ExtState.HasErrors)) == ExtState.Valid && !geometry.Has(ExtIncompat.Recover) && geometry.SuperOffset == ExtSuperblock.Offset;

    private static List<KeyValuePair<string, string>> Details(ExtGeometry geometry, ExtJournalState journal)
    {
        ref readonly var s = ref geometry.Super;
        var details = new List<KeyValuePair<string, string>>
        {
            new("features", ExtFeatures.Names(geometry.Compat, geometry.Incompat, geometry.RoCompat)),
            new("blocks", geometry.BlocksCount.ToString()),
            new("inodes", geometry.InodesCount + " of " + geometry.InodeSize + " bytes"),
            new("groups", geometry.GroupCount + " x " + geometry.BlocksPerGroup + " blocks"),
            new("reserved blocks", ((geometry.Has(ExtIncompat.Bit64) ? (long)(uint)s.ReservedBlocksHi << 32 : 0) | (uint)s.ReservedBlocksLo).ToString()),
        };
        if (geometry.ClusterRatio > 1)
            details.Add(new("cluster size", (geometry.ClusterRatio << geometry.LogBlockSize).ToString()));
        if (geometry.Has(ExtCompat.HasJournal))
            details.Add(new("journal", journal.Text));
        if ((s.State.Value & ExtState.HasErrors) != 0)
            details.Add(new("errors", s.ErrorCount + " met by drivers"));
        if (Text(s.LastMounted) is { Length: > 0 } mounted)
            details.Add(new("last mounted on", mounted));
        if (geometry.SuperOffset != ExtSuperblock.Offset)
            details.Add(new("superblock", $"the primary one is damaged, the copy at byte {geometry.SuperOffset} is used"));
        return details;
    }

    private static string Text(ReadOnlySpan<byte> field)
    {
        var end = field.IndexOf((byte)0);
        return EscapedUtf8.Decode(end < 0 ? field : field[..end]);
    }
}
