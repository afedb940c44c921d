namespace Platter.Images.Qcow2;

/// <summary>Makes the refcounts of a dirty image anew: its last writer left them for later and never came to it.</summary>
internal sealed class Qcow2Repair(Qcow2Image image)
{
    /// <exception cref="DiskFormatException">Tables are broken: what refers to what can't be known.</exception>
    internal void RebuildRefcounts()
    {
        var references = new Qcow2References(image.Host, null, image.Geometry, image.Tables, image.Refcounts, (severity, code, structure, offset, text) =>
        {
            // Refcount blocks behind the end, and reserved bits, don't stand in the way.
            if (severity == Severity.Error)
                throw new DiskFormatException(code, structure, offset, text + "; the image is dirty, and must be repaired (qemu-img check -r all) before it is edited");
        });
        references.Prepare();
        var missing = new SortedSet<long>();
        ForEach(references, (cluster, count) =>
        {
            if (count != 0 && image.Refcounts.Block(cluster / image.Geometry.RefcountsPerBlock) == 0)
                missing.Add(cluster / image.Geometry.RefcountsPerBlock);
        });
        foreach (var block in missing)
            image.Space!.EnsureBlock(block);
        references.TableMoved();
        ForEach(references, (cluster, count) =>
        {
            if (count > image.Refcounts.Maximum)
                throw new DiskFormatException("QCOW-0032", "RefcountBlock", cluster << image.Geometry.ClusterBits, $"needs refcount {count}, but the image can't count beyond {image.Refcounts.Maximum}");
            if (image.Refcounts.Get(cluster) != count)
                image.Refcounts.Set(cluster, count);
        });
        new Qcow2CopiedFlags(image.Geometry, image.Tables, image.Refcounts).Visit((_, at, entry, isAlone) =>
            image.Tables.Write(at, isAlone ? entry | L2Entry.CopiedFlag : entry & ~L2Entry.CopiedFlag));
        image.Tables.Write(0x48, image.Tables.Read(0x48) & ~(ulong)IncompatibleFeatures.Dirty);
    }

    private static void ForEach(Qcow2References references, Action<long, uint> cluster)
    {
        for (var first = 0L; first < references.Clusters; first += Qcow2References.WindowClusters)
        {
            var length = references.Count(first);
            for (var i = 0; i < length; i++)
                cluster(first + i, references.Counts[i]);
        }
    }
}
