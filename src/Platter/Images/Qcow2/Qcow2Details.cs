using System.Globalization;

namespace Platter.Images.Qcow2;

/// <summary>What there is to tell people of an image.</summary>
internal static class Qcow2Details
{
    private const int MostSnapshots = 100;      // named

    internal static IReadOnlyList<KeyValuePair<string, string>> Of(Qcow2Image image)
    {
        var geometry = image.Geometry;
        var details = new List<KeyValuePair<string, string>>
        {
            new("version", geometry.Version == 2 ? "2 (compat 0.10)" : "3 (compat 1.1)"),
            new("cluster size", ByteSize.FormatRounded(geometry.ClusterSize)),
            new("refcount bits", geometry.RefcountBits.ToString(CultureInfo.InvariantCulture)),
            new("compression", geometry.Compression == Qcow2Compression.Zstd ? "zstd" : "zlib"),
        };
        var features = string.Join(", ", Features(geometry));
        if (features.Length > 0)
            details.Add(new("features", features));
        if (geometry.BackingName is { } backing)
            details.Add(new("backing file", Plain(backing) + (geometry.Extensions.BackingFormat is { } format ? $" ({format})" : "")));
        if (geometry.Extensions.DataFile is { } data && geometry.HasDataFile)
            details.Add(new("data file", data));
        if (geometry.Header.SnapshotCount > 0)
            details.Add(new("snapshots", Snapshots(image)));
        return details;
    }

    // Information about an image is wanted most when it is broken.
    private static string Snapshots(Qcow2Image image)
    {
        try
        {
            var names = image.SnapshotTable.Take(MostSnapshots).Select(s => $"{Plain(s.Name)} ({Plain(s.Id)}, {s.Created.UtcDateTime:yyyy-MM-ddTHH:mm:ssZ})");
            return string.Join(", ", names) + (image.SnapshotTable.Count > MostSnapshots ? $", and {image.SnapshotTable.Count - MostSnapshots} more" : "");
        }
        catch (DiskFormatException e)
        {
            return $"the list is broken: {e.Message}";
        }
    }

    private static IEnumerable<string> Features(Qcow2Geometry geometry)
    {
        if ((geometry.Incompatible & IncompatibleFeatures.Dirty) != 0)
            yield return "dirty";
        if ((geometry.Incompatible & IncompatibleFeatures.Corrupt) != 0)
            yield return "corrupt";
        if (geometry.HasExtendedL2)
            yield return "extended L2 entries";
        if ((geometry.Compatible & CompatibleFeatures.LazyRefcounts) != 0)
            yield return "lazy refcounts";
        if ((geometry.Autoclear & AutoclearFeatures.Bitmaps) != 0)
            yield return "bitmaps";
        if ((geometry.Autoclear & AutoclearFeatures.RawExternalData) != 0)
            yield return "raw external data";
    }

    private static string Plain(string text) => string.Concat(text.Select(c => char.IsControl(c) ? '\uFFFD' : c));
}
